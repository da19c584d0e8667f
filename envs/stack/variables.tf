# What a region's terraform.tfvars may set. The modules check what they are given; here is only
# what no module sees.

variable "region" {
  description = "AWS region of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be like us-east-1 or cn-northwest-1."
  }
}

variable "name" {
  description = "Name of the stack and of its cluster; prefix of every name."
  type        = string
  default     = "easel"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 24 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "tags" {
  description = "Tags of everything, beside Stack and ManagedBy. Nodes have them, too: a change replaces them, one after the other."
  type        = map(string)
  default     = {}
  nullable    = false

  # Karpenter's EC2NodeClass refuses these, at the end of an apply.
  validation {
    condition = alltrue([
      for key in keys(var.tags) : !can(regex("^(|eks:eks-cluster-name|kubernetes\\.io/cluster.*|karpenter\\.sh/(nodepool|nodeclaim)|karpenter\\.k8s\\.aws/ec2nodeclass)$", key))
    ])
    error_message = "tags must not be named kubernetes.io/cluster..., karpenter.sh/nodepool, karpenter.sh/nodeclaim, karpenter.k8s.aws/ec2nodeclass or eks:eks-cluster-name: Karpenter sets them itself."
  }
}

variable "observability" {
  description = <<-EOT
    Who is told of what, and when; see modules/observability.
    - mail_addresses: are told of alarms; each has to confirm by a link in a mail.
    - runbook: where docs/alarms.md is published, for the links in alarms; null: its path here.
    - thresholds: when alarms are raised.
    - budget: for a month, of all that bears the stack's tag; null: none.
    - gpu_metrics: a DCGM exporter on every GPU node; priced.
  EOT
  type = object({
    mail_addresses = optional(set(string), [])
    runbook        = optional(string)
    thresholds = optional(object({
      oldest_task_seconds  = optional(number)
      no_progress_minutes  = optional(number)
      pending_pods_minutes = optional(number)
      errors               = optional(number)
    }), {})
    budget = optional(object({
      amount_per_month = number
      currency         = optional(string)
    }))
    gpu_metrics = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 365
  nullable    = false
}

# ---------------------------------------------------------------------------------------------
# Network
# ---------------------------------------------------------------------------------------------

variable "availability_zones" {
  description = "Two or three zones; null: the region's first three that EKS can use."
  type        = list(string)
  default     = null

  validation {
    condition     = var.availability_zones == null || try(alltrue([for zone in var.availability_zones : startswith(zone, var.region)]), false)
    error_message = "availability_zones must be zones of the region, such as ${var.region}a."
  }
}

variable "vpc" {
  description = "The network; see modules/vpc."
  type = object({
    cidr_block          = optional(string, "10.0.0.0/16")
    nat_gateways        = optional(string, "one_per_zone")
    interface_endpoints = optional(set(string), [])
  })
  default  = {}
  nullable = false
}

variable "existing_vpc" {
  description = "A network of your own in place of a new one: private subnets in at least two zones, with a way to the internet or to VPC endpoints. Null: a new one."
  type = object({
    vpc_id      = string
    subnet_ids  = list(string)
    cidr_blocks = list(string)
  })
  default = null

  validation {
    condition     = var.existing_vpc == null || try(can(regex("^vpc-[0-9a-f]+$", var.existing_vpc.vpc_id)) && alltrue([for id in var.existing_vpc.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))]), false)
    error_message = "existing_vpc.vpc_id must be like vpc-0123456789abcdef0, and its subnet_ids like subnet-0123456789abcdef0."
  }
  validation {
    condition     = var.existing_vpc == null || try(length(distinct(var.existing_vpc.subnet_ids)) >= 2, false)
    error_message = "existing_vpc.subnet_ids must name at least two subnets: EKS needs two zones."
  }
  validation {
    condition     = var.existing_vpc == null || try(length(var.existing_vpc.cidr_blocks) > 0 && alltrue([for block in var.existing_vpc.cidr_blocks : can(cidrnetmask(block))]), false)
    error_message = "existing_vpc.cidr_blocks must be the network's IPv4 CIDR blocks, such as 10.0.0.0/16."
  }
}

# ---------------------------------------------------------------------------------------------
# Cluster
# ---------------------------------------------------------------------------------------------

variable "cluster" {
  description = "The cluster; see modules/eks-karpenter."
  type = object({
    kubernetes_version  = optional(string)
    support_type        = optional(string)
    public_access_cidrs = optional(list(string), [])
    # null: the network's own.
    private_access_cidrs = optional(list(string))
    volume_kms_key_arns  = optional(list(string), [])
    access_entries = optional(map(object({
      principal_arn = string
      policy        = optional(string)
      namespaces    = optional(list(string))
    })), {})
  })
  default  = {}
  nullable = false
}

variable "system_nodes" {
  description = "The nodes that controllers and add-ons run on; see modules/eks-karpenter."
  type = object({
    architecture   = optional(string)
    instance_types = optional(list(string))
    min            = optional(number)
    max            = optional(number)
    desired        = optional(number)
    disk_gib       = optional(number)

    release_version = optional(string)
  })
  default  = {}
  nullable = false
}

variable "addon_versions" {
  description = "Versions of the EKS add-ons by name; where one is missing, the default of the Kubernetes version."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "addons_left_out" {
  description = "Add-ons that are not installed; see modules/eks-karpenter."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "karpenter_version" {
  description = "Version of Karpenter's charts; null: the one that modules/eks-karpenter pins."
  type        = string
  default     = null
}

variable "keda_version" {
  description = "Version of KEDA's chart; null: the one that modules/keda pins."
  type        = string
  default     = null
}

variable "mirror_prefix" {
  description = "Charts and images of Karpenter and KEDA come from this account's ECR, from repositories that begin with this; null: from the public registries, which AWS China does not have or does not reach."
  type        = string
  default     = null

  validation {
    condition     = var.mirror_prefix == null || can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.mirror_prefix))
    error_message = "mirror_prefix must be the beginning of an ECR repository's name, such as easel, without a slash at its ends."
  }
}

variable "mirrored" {
  description = "Images and charts of runtimes that lie in this account's ECR, by their names as terraform.tfvars writes them; `easel mirror --run` writes this into mirror.auto.tfvars.json."
  type = object({
    images = optional(map(object({
      repository = string
      digest     = string
    })), {})
    charts = optional(map(object({
      repository = string
      version    = string
    })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for image in values(var.mirrored.images) : can(regex("^sha256:[0-9a-f]{64}$", image.digest))])
    error_message = "mirrored.images must have digests: sha256: and 64 hexadecimal digits. `easel mirror --run` writes them."
  }
}
