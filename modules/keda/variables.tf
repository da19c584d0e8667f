variable "stack_name" {
  description = "Name of the stack; prefix of every name made here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.stack_name))
    error_message = "stack_name must be 2 to 24 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen."
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

variable "cluster_name" {
  description = "EKS cluster that it runs in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name must be 1 to 100 letters, digits, hyphens or underscores, and begin with a letter or digit."
  }
}

variable "cluster_id" {
  description = "What tells the cluster from another one that has its name later, such as its endpoint; see ../helm-release."
  type        = string
  default     = null
}

variable "ready" {
  description = "Anything known once the cluster takes releases; KEDA's comes after it and goes before it."
  type        = any
  default     = null
}

variable "queue_arns" {
  description = "ARNs of the runtimes' task queues: it may count these and no others."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.queue_arns) > 0
    error_message = "queue_arns must name at least one queue: without a runtime there is nothing to scale."
  }
  validation {
    condition     = alltrue([for arn in var.queue_arns : can(regex("^arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "queue_arns must be ARNs of SQS queues, each of one queue."
  }
  # IAM allows a role 10240 characters of inline policy; the rest is for what is around the ARNs.
  validation {
    condition     = length(jsonencode(var.queue_arns)) <= 10000
    error_message = "queue_arns is longer than a role's policy can be (10240 characters): take fewer runtimes, or shorter names."
  }
}

variable "chart" {
  description = <<-EOT
    KEDA's chart.
    - reference: its name within repository, oci://..., or a folder.
    - repository: https://... that has it; null with oci:// or a folder.
    - version: pinned; a folder has its own.
  EOT
  type = object({
    reference  = string
    repository = optional(string)
    version    = optional(string, "2.20.2")
  })
  default = {
    reference  = "keda"
    repository = "https://kedacore.github.io/charts"
  }
  nullable = false
}

variable "image_registry" {
  description = "Registry, with a path or without, that has kedacore/keda, kedacore/keda-metrics-apiserver and kedacore/keda-admission-webhooks; null takes ghcr.io."
  type        = string
  default     = null

  validation {
    condition     = var.image_registry == null || can(regex("^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$", var.image_registry))
    error_message = "image_registry must be a host, with a path or without: no https:// before it, no slash after it."
  }
}

variable "replicas" {
  description = "Pods of each of its three parts. One works, the others wait for it to fail."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = contains([1, 2, 3], var.replicas)
    error_message = "replicas must be 1, 2 or 3."
  }
}

variable "node_selector" {
  description = "Labels of the nodes that it runs on; empty: any node whose taints it tolerates, which GPU nodes' are not."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "extra_values_yaml" {
  description = "Further values of the chart as YAML, laid over the module's own."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.extra_values_yaml == "" || can(keys(yamldecode(var.extra_values_yaml)))
    error_message = "extra_values_yaml must be a YAML map."
  }
}
