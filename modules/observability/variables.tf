variable "name" {
  description = "Name of the stack; prefix of every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 24 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "account_id" {
  description = "AWS account of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the operations topic. Its policy lets CloudWatch, and with a budget Budgets, use it (modules/api-fanout's does)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key, not of an alias."
  }
}

variable "mail_addresses" {
  description = "Mail addresses that are told of alarms; each has to confirm by a link in a mail."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.mail_addresses : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "mail_addresses must be like you@example.com."
  }
}

variable "runbook" {
  description = "Where the alarms' runbooks are: docs/alarms.md in this repository, or the URL that you publish it at."
  type        = string
  default     = "docs/alarms.md"
  nullable    = false

  validation {
    condition     = can(regex("^(https://)?[A-Za-z0-9._~/%?=&-]+$", var.runbook)) && length(var.runbook) <= 500
    error_message = "runbook must be a path or an https:// URL without a fragment, of 500 characters at most."
  }
}

variable "thresholds" {
  description = "When alarms are raised: age of a runtime's oldest task; how long tasks may wait without one that ends, and pods be pending; 5xx answers and errors of the intake function in 5 minutes."
  type = object({
    oldest_task_seconds  = optional(number, 1800)
    no_progress_minutes  = optional(number, 30)
    pending_pods_minutes = optional(number, 20)
    errors               = optional(number, 5)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.thresholds.oldest_task_seconds >= 60 && var.thresholds.errors >= 1
    error_message = "thresholds.oldest_task_seconds must be 60 or more, and thresholds.errors 1 or more."
  }
  # CloudWatch looks at a day at most.
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  validation {
    condition = alltrue([
      for minutes in [var.thresholds.no_progress_minutes, var.thresholds.pending_pods_minutes] : minutes >= 5 && minutes <= 1440 && minutes % 5 == 0
    ])
    error_message = "thresholds.no_progress_minutes and pending_pods_minutes must be from 5 to 1440, in steps of 5."
  }
}

variable "budget" {
  description = "Budget of what bears the stack's tag, for a month; null: none. In AWS China the currency is CNY."
  type = object({
    amount_per_month = number
    currency         = optional(string, "USD")
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.amount_per_month > 0 && contains(["USD", "CNY"], var.budget.currency), false)
    error_message = "budget.amount_per_month must be more than 0, and budget.currency USD or CNY."
  }
}
