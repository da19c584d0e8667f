# Karpenter, and what becomes of its nodes on destroy.

variable "karpenter" {
  description = <<-EOT
    Karpenter's charts and image.
    - version: of both charts and the image.
    - registry: host and path under which your own registry holds karpenter-crd and karpenter (charts) and controller (image); null: the public one.
    - image_digest: sha256:... of the image in your registry; null: by its tag.
    - extra_values_yaml: your own chart values, laid over the module's.
  EOT
  type = object({
    version           = optional(string, "1.14.1")
    registry          = optional(string)
    image_digest      = optional(string)
    extra_values_yaml = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^1\\.[0-9]+\\.[0-9]+$", var.karpenter.version))
    error_message = "karpenter.version must look like 1.14.1, without a v."
  }
  validation {
    condition     = var.karpenter.registry == null || can(regex("^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$", var.karpenter.registry))
    error_message = "karpenter.registry must be a host and path such as registry.example.com/karpenter, without oci:// and without a slash at its end."
  }
  validation {
    condition = var.karpenter.image_digest == null || (
      can(regex("^sha256:[0-9a-f]{64}$", var.karpenter.image_digest)) && var.karpenter.registry != null
    )
    error_message = "karpenter.image_digest must be sha256: and 64 hexadecimal digits, and goes with karpenter.registry only: the chart knows the public image's."
  }
}

variable "volume_kms_key_arns" {
  description = "KMS keys of your own that nodes' volumes are encrypted with: the account's default key for EBS where it is not AWS's, and what the runtimes' kmsKeyID names. Karpenter may use them for volumes."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.volume_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))])
    error_message = "volume_kms_key_arns must be ARNs of KMS keys, not of aliases."
  }
}

variable "drain_timeout_seconds" {
  description = "How long a destroy waits at least for Karpenter's nodes to be gone, and again for what it swept up, seconds. Where a node's own terminationGracePeriod is longer, it waits for that and seven minutes, two hours at most."
  type        = number
  default     = 1200
  nullable    = false

  validation {
    condition     = var.drain_timeout_seconds >= 60 && var.drain_timeout_seconds <= 7200
    error_message = "drain_timeout_seconds must be from 60 to 7200."
  }
}
