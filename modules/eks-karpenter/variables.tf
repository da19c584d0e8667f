variable "name" {
  description = "Name of the cluster; prefix of every name made here, and name of the interruption queue."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 32 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "account_id" {
  description = "AWS account that the cluster lives in, 12 digits."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version of control plane and system nodes: 1.35 or 1.36."
  type        = string
  default     = "1.35"
  nullable    = false

  validation {
    condition     = contains(["1.35", "1.36"], var.kubernetes_version)
    error_message = "kubernetes_version must be 1.35 or 1.36: older ones have left EKS's standard support, newer ones are not what the pinned Karpenter and add-ons are for. A cluster is upgraded by one minor version at a time."
  }
}

# STANDARD lets AWS upgrade the control plane on a day of its own choosing: behind Terraform's back, whose
# next plan then asks for the old version again, which EKS refuses.
variable "support_type" {
  description = "What happens when the version leaves standard support: EXTENDED keeps it, at a higher price, until somebody upgrades; STANDARD lets AWS upgrade the control plane by itself."
  type        = string
  default     = "EXTENDED"
  nullable    = false

  validation {
    condition     = contains(["STANDARD", "EXTENDED"], var.support_type)
    error_message = "support_type must be STANDARD or EXTENDED."
  }
}

variable "subnet_ids" {
  description = "Private subnets of control plane and system nodes, in two zones or more."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2
    error_message = "subnet_ids must be two or more subnets: EKS needs two zones."
  }
}

variable "private_access_cidrs" {
  description = "CIDR blocks that reach the Kubernetes API's private endpoint: the VPC's own for a machine in it, those of a VPN or of peered networks. Empty: nodes and pods alone."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.private_access_cidrs : can(cidrnetmask(cidr))])
    error_message = "private_access_cidrs must be IPv4 CIDR blocks, such as 10.0.0.0/16."
  }
  validation {
    condition     = alltrue([for cidr in var.private_access_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "private_access_cidrs must be blocks of /8 or smaller."
  }
}

variable "public_access_cidrs" {
  description = "CIDR blocks that reach the Kubernetes API over the internet. Empty: it has no public endpoint, also not for Terraform."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr))])
    error_message = "public_access_cidrs must be IPv4 CIDR blocks, such as 203.0.113.0/24."
  }
  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "public_access_cidrs must not open the Kubernetes API to the whole internet: give blocks of /8 or smaller, best your own addresses."
  }
}

variable "access_entries" {
  description = <<-EOT
    Who may use the Kubernetes API, beside whoever makes the cluster, by a name of your choice.
    - principal_arn: IAM role or user.
    - policy: cluster-admin, admin, edit or view.
    - namespaces: where; empty: in the whole cluster.
  EOT
  type = map(object({
    principal_arn = string
    policy        = optional(string, "view")
    namespaces    = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for entry in var.access_entries : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", entry.principal_arn))
    ])
    error_message = "access_entries: principal_arn must be the ARN of an IAM role or user (not of an assumed-role session)."
  }
  validation {
    condition     = alltrue([for entry in var.access_entries : contains(["cluster-admin", "admin", "edit", "view"], entry.policy)])
    error_message = "access_entries: policy must be cluster-admin, admin, edit or view."
  }
  validation {
    condition     = length(distinct([for entry in var.access_entries : entry.principal_arn])) == length(var.access_entries)
    error_message = "access_entries: a principal can have one entry only; merge entries with the same principal_arn."
  }
}

variable "system_nodes" {
  description = <<-EOT
    Nodes that add-ons and controllers run on.
    - architecture: arm64 or x86_64.
    - instance_types: in order of preference; empty: large ones of the architecture.
    - min, max, desired: their number. desired counts at creation only.
    - disk_gib: size of each node's volume for images and pods, GiB.
    - release_version: Bottlerocket release with its commit, such as 1.68.1-0a1b2c3d; null: the newest when
      they are made or get another Kubernetes version, and then left alone.
  EOT
  type = object({
    architecture   = optional(string, "arm64")
    instance_types = optional(list(string), [])
    min            = optional(number, 2)
    max            = optional(number, 4)
    desired        = optional(number, 2)
    disk_gib       = optional(number, 30)

    release_version = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.system_nodes.architecture)
    error_message = "system_nodes.architecture must be arm64 or x86_64."
  }
  validation {
    condition     = alltrue([for type in var.system_nodes.instance_types : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", type))])
    error_message = "system_nodes.instance_types must be EC2 instance types, such as m7g.large."
  }
  validation {
    condition = (
      var.system_nodes.min >= 1
      && var.system_nodes.min <= var.system_nodes.desired
      && var.system_nodes.desired <= var.system_nodes.max
    )
    error_message = "system_nodes must have 1 <= min <= desired <= max."
  }
  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+-[0-9a-f]{8}$", coalesce(var.system_nodes.release_version, "0.0.0-00000000")))
    error_message = "system_nodes.release_version must be a Bottlerocket release with its commit, such as 1.68.1-0a1b2c3d: docs/operations.md, Patches of nodes, says where it is found."
  }
  validation {
    condition     = var.system_nodes.disk_gib >= 20 && var.system_nodes.disk_gib <= 16384
    error_message = "system_nodes.disk_gib must be from 20 (the images of add-ons and controllers) to 16384."
  }
}

variable "log_retention_days" {
  description = "How long the logs of control plane and containers are kept, days."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's periods: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
