variable "functions" {
  description = <<-EOT
    The functions intake, probe, reader and webhook.
    - package_path: zip of their code, built by `make package`.
    - runtime, architecture: what the zip's compiled wheels were built for.
    - log_level: DEBUG, INFO, WARNING or ERROR.
  EOT
  type = object({
    package_path = string
    runtime      = optional(string, "python3.13")
    architecture = optional(string, "x86_64")
    log_level    = optional(string, "INFO")
  })
  nullable = false

  validation {
    condition     = can(regex("^python3\\.1[1-9]$", var.functions.runtime))
    error_message = "functions.runtime must be python3.11 or later: the code needs it."
  }
  validation {
    condition     = contains(["x86_64", "arm64"], var.functions.architecture)
    error_message = "functions.architecture must be x86_64 or arm64."
  }
  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.functions.log_level)
    error_message = "functions.log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "intake" {
  description = <<-EOT
    The intake function.
    - memory_mb: also its share of a CPU. 1024 MB imports pydantic and boto3 in about half the time of 512.
    - timeout_seconds: below the 29 s after which API Gateway gives up.
    - reserved_concurrency: most executions at once; null shares the account's pool.
  EOT
  type = object({
    memory_mb            = optional(number, 1024)
    timeout_seconds      = optional(number, 15)
    reserved_concurrency = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.intake.memory_mb >= 256 && var.intake.memory_mb <= 10240
    error_message = "intake.memory_mb must be from 256 (below that its imports outlast the timeout) to 10240."
  }
  validation {
    condition     = var.intake.timeout_seconds >= 3 && var.intake.timeout_seconds <= 29
    error_message = "intake.timeout_seconds must be from 3 to 29, where API Gateway gives up."
  }
  validation {
    condition     = var.intake.reserved_concurrency == null || try(var.intake.reserved_concurrency >= 1, false)
    error_message = "intake.reserved_concurrency must be at least 1 (0 would refuse every request), or null."
  }
}
