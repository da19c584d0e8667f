variable "name" {
  description = "Name of the stack. Prefix of every name made here; part of the output bucket's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 24 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen (it becomes part of a bucket's name)."
  }
}

variable "account_id" {
  description = "AWS account that the stack lives in, 12 digits."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "runtimes" {
  description = <<-EOT
    Runtimes that tasks may name, by name; the intake function refuses all others.
    - type: sdwebui or comfyui.
    - model_filename: checkpoint that a v1alpha1 request names to reach this runtime (sdwebui).
    - dynamic_model: whether a task may switch the checkpoint.
  EOT
  type = map(object({
    type           = string
    model_filename = optional(string)
    dynamic_model  = optional(bool, false)
  }))
  nullable = false

  validation {
    condition     = length(var.runtimes) > 0
    error_message = "runtimes must have at least one entry: without one every request is refused."
  }
  validation {
    condition     = alltrue([for name in keys(var.runtimes) : can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", name))])
    error_message = "A runtime's name must be 1 to 32 lower-case letters, digits or hyphens, and begin and end with a letter or digit."
  }
  validation {
    condition     = alltrue([for runtime in values(var.runtimes) : contains(["sdwebui", "comfyui"], runtime.type)])
    error_message = "A runtime's type must be sdwebui or comfyui."
  }
  validation {
    condition     = alltrue([for runtime in values(var.runtimes) : can(regex("^[A-Za-z0-9][A-Za-z0-9._ +()-]{0,127}$", runtime.model_filename)) if runtime.model_filename != null])
    error_message = "model_filename must be a plain file name of up to 128 letters, digits, spaces or ._+()- characters, without a folder."
  }
  validation {
    condition = length(distinct([
      for runtime in values(var.runtimes) : runtime.model_filename if runtime.type == "sdwebui" && runtime.model_filename != null
      ])) == length([
      for runtime in values(var.runtimes) : runtime if runtime.type == "sdwebui" && runtime.model_filename != null
    ])
    error_message = "Two sdwebui runtimes have the same model_filename: a v1alpha1 request would reach both and be drawn twice."
  }
  # The rest of the 4096 bytes is for the names of the variables and the other values.
  validation {
    condition     = length(jsonencode(var.runtimes)) + sum([for name in keys(var.api_keys) : length(name) + 16]) + length(jsonencode(var.webhook.allowed_hosts)) <= 3200
    error_message = "runtimes, api_keys and webhook.allowed_hosts are more than a function's environment can hold (Lambda allows 4096 bytes, 3200 of them for these as JSON): take fewer, or shorter names."
  }
}

variable "stage_name" {
  description = "Stage of the REST API: the first part of the path."
  type        = string
  default     = "dev"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.stage_name))
    error_message = "stage_name must be 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "authorization" {
  description = <<-EOT
    How a request proves who sends it.
    - API_KEY: by the header x-api-key; each key has its own limits, or the throttle's.
    - AWS_IAM: by a signature (SigV4) of a principal of this account that may execute-api:Invoke; all callers share the throttle's limits. For AWS China.
  EOT
  type        = string
  default     = "API_KEY"
  nullable    = false

  validation {
    condition     = contains(["API_KEY", "AWS_IAM"], var.authorization)
    error_message = "authorization must be API_KEY or AWS_IAM."
  }
}

variable "output_bucket" {
  description = <<-EOT
    The output bucket.
    - expire_outputs_after_days: when pictures are removed; null keeps them.
    - expire_noncurrent_after_days: when overwritten and deleted objects are removed for good.
    - expire_payloads_after_days: when large task payloads are removed; longer than a task lives in its queues (14 days).
    - force_destroy: whether destroying the stack may delete a bucket that is not empty.
  EOT
  type = object({
    expire_outputs_after_days    = optional(number)
    expire_noncurrent_after_days = optional(number, 30)
    expire_payloads_after_days   = optional(number, 30)
    force_destroy                = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for days in [var.output_bucket.expire_outputs_after_days, var.output_bucket.expire_noncurrent_after_days] :
      days == null || try(days >= 1 && floor(days) == days, false)
    ])
    error_message = "output_bucket.expire_outputs_after_days and expire_noncurrent_after_days must be whole days, at least 1."
  }
  validation {
    condition     = try(var.output_bucket.expire_payloads_after_days >= 15, false)
    error_message = "output_bucket.expire_payloads_after_days must be at least 15: a task may wait 14 days in its dead-letter queue."
  }
}

variable "log_retention_days" {
  description = "How many days CloudWatch keeps the access log and the functions' logs."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's periods: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "tracing_enabled" {
  description = "Whether API Gateway and the functions send traces to X-Ray. Set false in AWS China, where Lambda has no X-Ray."
  type        = bool
  default     = true
  nullable    = false
}
