variable "name" {
  description = "Name of the stack."
  type        = string
  nullable    = false
}

variable "aws_endpoint_url" {
  description = "The emulator's URL, as in AWS_ENDPOINT_URL; for the outputs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https?://[^/]+$", var.aws_endpoint_url))
    error_message = "aws_endpoint_url must be like http://127.0.0.1:4566, without a path."
  }
}

variable "aws_credentials_file" {
  description = "File with the emulator's access key, as in AWS_SHARED_CREDENTIALS_FILE; for the outputs."
  type        = string
  nullable    = false
}

variable "functions_package_path" {
  description = "Zip of the functions' code, built for this machine's Python."
  type        = string
  nullable    = false
}

variable "runtimes" {
  description = "Runtimes of the stack, by name; see modules/api-fanout and modules/runtime."
  type = map(object({
    type           = string
    model_filename = optional(string)
    dynamic_model  = optional(bool, false)
    queue = optional(object({
      visibility_timeout_seconds    = optional(number)
      retention_seconds             = optional(number)
      max_attempts                  = optional(number)
      dead_letter_retention_seconds = optional(number)
    }), {})
    price = optional(object({
      per_hour = number
      currency = optional(string)
    }))
  }))
  nullable = false
}

variable "api_keys" {
  description = "API keys by name, each a tenant; see modules/api-fanout."
  type = map(object({
    rate_limit_per_second = optional(number)
    burst_limit           = optional(number)
    requests_per_day      = optional(number)
  }))
  default  = { default = {} }
  nullable = false
}

variable "shared_tasks" {
  description = "Whether every caller may see the tasks of all."
  type        = bool
  default     = false
  nullable    = false
}

variable "tenant_prefixes" {
  description = "Whether the prefix of a task must begin with its tenant's name."
  type        = bool
  default     = false
  nullable    = false
}

variable "webhook" {
  description = "Callbacks to URLs that tasks name; see modules/api-fanout. Receivers on this machine are allowed here."
  type = object({
    allowed_hosts  = optional(list(string))
    private_hosts  = optional(list(string))
    secret_version = optional(number)
  })
  default  = { private_hosts = ["localhost"] }
  nullable = false
}

variable "throttle" {
  description = "Requests that the API key may send; see modules/api-fanout."
  type = object({
    rate_limit_per_second = optional(number)
    burst_limit           = optional(number)
  })
  default  = {}
  nullable = false
}

variable "stage_name" {
  description = "Stage of the REST API."
  type        = string
  default     = "dev"
  nullable    = false
}
