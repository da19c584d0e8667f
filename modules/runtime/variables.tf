variable "stack_name" {
  description = "Name of the stack; prefix of every name made here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.stack_name))
    error_message = "stack_name must be 2 to 24 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "name" {
  description = "Name of the runtime, as tasks give it in metadata.runtime."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "name must be 1 to 32 lower-case letters, digits or hyphens, and begin and end with a letter or digit."
  }
  validation {
    condition     = !endswith(var.name, "-dead-letter")
    error_message = "name must not end in -dead-letter: that is how the dead-letter queue of another runtime is named."
  }
}

variable "type" {
  description = "Kind of server that draws: sdwebui or comfyui."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["sdwebui", "comfyui"], var.type)
    error_message = "type must be sdwebui or comfyui."
  }
}

variable "model_filename" {
  description = "Checkpoint that the runtime loads. An sdwebui runtime also gets the v1alpha1 tasks that name it; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.model_filename == null || can(regex("^[A-Za-z0-9][A-Za-z0-9._ +()-]{0,127}$", var.model_filename))
    error_message = "model_filename must be a plain file name of up to 128 letters, digits, spaces or ._+()- characters, without a folder."
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

variable "probe_function_name" {
  description = "Function that publishes probes, of modules/api-fanout: by them an apply finds out whether tasks reach the queue."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.probe_function_name))
    error_message = "probe_function_name must be the name of a Lambda function: 1 to 64 letters, digits, hyphens or underscores."
  }
}

variable "tasks_topic_arn" {
  description = "ARN of the topic that tasks are published to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:", var.tasks_topic_arn))
    error_message = "tasks_topic_arn must be the ARN of an SNS topic."
  }
}

variable "notifications_topic_arn" {
  description = "ARN of the topic that results are published to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:", var.notifications_topic_arn))
    error_message = "notifications_topic_arn must be the ARN of an SNS topic."
  }
}

variable "output_bucket_arn" {
  description = "ARN of the output bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]+$", var.output_bucket_arn))
    error_message = "output_bucket_arn must be the ARN of an S3 bucket."
  }
}

variable "records" {
  description = <<-EOT
    The table of tasks' records.
    - table_name, table_arn: of the table.
    - retention_days: how long the record of a task is kept that was published to the topic by hand.
  EOT
  type = object({
    table_name     = string
    table_arn      = string
    retention_days = optional(number, 30)
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/", var.records.table_arn))
    error_message = "records.table_arn must be the ARN of a DynamoDB table."
  }
}

variable "price" {
  description = <<-EOT
    What a pod of the runtime costs, for the cost in records and callbacks; null: no cost is told.
    - per_hour: of its node, by the share that the pod has of it.
    - currency: ISO 4217.
  EOT
  type = object({
    per_hour = number
    currency = optional(string, "USD")
  })
  default = null

  validation {
    condition     = var.price == null || try(var.price.per_hour >= 0, false)
    error_message = "price.per_hour must not be negative."
  }
  validation {
    condition     = var.price == null || can(regex("^[A-Z]{3}$", var.price.currency))
    error_message = "price.currency must be three capital letters, such as USD or CNY."
  }
}

variable "input_kms_key_arns" {
  description = "KMS keys that the input buckets are encrypted with, where they are not S3's own."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.input_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))])
    error_message = "input_kms_key_arns must be ARNs of KMS keys, not of aliases."
  }
}

variable "input_bucket_arns" {
  description = "ARNs of buckets whose objects tasks may name in s3:// URLs, beside the output bucket."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.input_bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]+$", arn))])
    error_message = "input_bucket_arns must be ARNs of S3 buckets, without a path."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the queues; the topics and the bucket use the same."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (not of an alias)."
  }
}

variable "queue" {
  description = <<-EOT
    The task queue.
    What is null has the agent's default (agent/README.md).
    - visibility_timeout_seconds: how long a received task stays hidden unless the agent extends it; after a crash the task waits that long.
    - retention_seconds: how long a task waits for a GPU before it is dropped.
    - max_attempts: how often a task is begun before the agent reports it as failed and puts it into the dead-letter queue.
    - dead_letter_retention_seconds: how long it stays there.
  EOT
  type = object({
    visibility_timeout_seconds    = optional(number)
    retention_seconds             = optional(number, 345600)
    max_attempts                  = optional(number)
    dead_letter_retention_seconds = optional(number, 1209600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.queue.retention_seconds >= 60 && var.queue.retention_seconds <= 1123200
    error_message = "queue.retention_seconds must be from 60 to 1123200 (13 days, so that a dead letter can outlive it)."
  }
  # A dead letter keeps the time at which it was first sent: with a shorter retention it would
  # vanish as it comes.
  validation {
    condition     = var.queue.dead_letter_retention_seconds > var.queue.retention_seconds && var.queue.dead_letter_retention_seconds <= 1209600
    error_message = "queue.dead_letter_retention_seconds must be more than retention_seconds and at most 1209600 (14 days)."
  }
}

variable "dynamic_model" {
  description = "Whether a task may name the checkpoint to load (sdwebui)."
  type        = bool
  default     = false
  nullable    = false
}
