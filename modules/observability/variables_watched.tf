# What is watched, as the other modules' outputs tell of it.

variable "api" {
  description = "The REST API: its name and its stage's, as in API Gateway's metrics."
  type = object({
    name       = string
    stage_name = string
  })
  nullable = false
}

variable "functions" {
  description = "Names of the functions."
  type = object({
    intake = string
  })
  nullable = false
}

variable "tasks_topic_name" {
  description = "Name of the topic that tasks are published to."
  type        = string
  nullable    = false
}

variable "records_table_name" {
  description = "Name of the table of tasks' records."
  type        = string
  nullable    = false
}

variable "webhook_dead_letter_queue_name" {
  description = "Name of the queue of callbacks that were given up."
  type        = string
  nullable    = false
}

variable "log_group_names" {
  description = "Log groups of the API and the functions, for the saved queries."
  type = object({
    access  = string
    intake  = string
    reader  = string
    webhook = string
  })
  nullable = false
}

variable "runtimes" {
  description = "Runtimes by name: their queues."
  type = map(object({
    queue_name             = string
    dead_letter_queue_name = string
  }))
  nullable = false

  # An alarm widget takes 100 alarms, an expression 100 metrics.
  validation {
    condition     = length(var.runtimes) >= 1 && length(var.runtimes) <= 40
    error_message = "runtimes must be from 1 to 40: a dashboard shows no more."
  }
}

variable "cluster" {
  description = "The cluster; null: none. insights: whether the add-on amazon-cloudwatch-observability is there, gpu_metrics: whether it also tells of GPUs."
  type = object({
    name                  = string
    insights              = bool
    gpu_metrics           = optional(bool, false)
    application_log_group = optional(string)
  })
  default = null
}
