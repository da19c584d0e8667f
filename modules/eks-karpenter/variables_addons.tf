# Add-ons, and what they may read.

variable "addon_versions" {
  description = "Version of each add-on, such as v1.35.3-eksbuild.21. One that is missing gets EKS's default for the Kubernetes version."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for name in keys(var.addon_versions) : contains([
        "amazon-cloudwatch-observability",
        "aws-mountpoint-s3-csi-driver",
        "coredns",
        "eks-pod-identity-agent",
        "kube-proxy",
        "metrics-server",
        "vpc-cni",
      ], name)
    ])
    error_message = "addon_versions: the add-ons are amazon-cloudwatch-observability, aws-mountpoint-s3-csi-driver, coredns, eks-pod-identity-agent, kube-proxy, metrics-server and vpc-cni."
  }
  validation {
    condition     = alltrue([for version in values(var.addon_versions) : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$", version))])
    error_message = "addon_versions: a version looks like v1.35.3-eksbuild.21."
  }
  # The settings that turn its priced extras off came with version 6. What a Mountpoint driver must
  # be, addons.tf looks at: also where EKS's default is taken.
  validation {
    condition     = try(tonumber(regex("^v([0-9]+)", var.addon_versions["amazon-cloudwatch-observability"])[0]) >= 6, true)
    error_message = "addon_versions: amazon-cloudwatch-observability must be v6 or later."
  }
}

variable "addons_left_out" {
  description = "Add-ons that are not installed, as the region does not offer them or you install them yourself: metrics-server, amazon-cloudwatch-observability, aws-mountpoint-s3-csi-driver (without it no runtime can mount its models)."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = length(setsubtract(var.addons_left_out, [
      "amazon-cloudwatch-observability",
      "aws-mountpoint-s3-csi-driver",
      "metrics-server",
    ])) == 0
    error_message = "addons_left_out can name amazon-cloudwatch-observability, aws-mountpoint-s3-csi-driver and metrics-server: no node is ready without the others."
  }
}

variable "gpu_metrics_enabled" {
  description = "Whether amazon-cloudwatch-observability also tells of GPUs, by a DCGM exporter on every GPU node; about twice the price of a node's metrics (a guess), and not tried on Bottlerocket."
  type        = bool
  default     = false
  nullable    = false
}

variable "model_bucket_arns" {
  description = "ARNs of the model buckets, which the Mountpoint driver may read for runtimes that authenticate as the driver."
  type        = list(string)
  nullable    = false

  validation {
    condition = length(var.model_bucket_arns) > 0 && alltrue([
      for arn in var.model_bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]+$", arn))
    ])
    error_message = "model_bucket_arns must be one ARN of an S3 bucket or more, without a path."
  }
}

variable "model_kms_key_arns" {
  description = "KMS keys of the model buckets, for the Mountpoint driver, where they are not S3's own."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.model_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))])
    error_message = "model_kms_key_arns must be ARNs of KMS keys, not of aliases."
  }
}
