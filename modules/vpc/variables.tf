variable "name" {
  description = "Name of the stack; prefix of every name made here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 24 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen."
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
  description = "EKS cluster whose nodes Karpenter starts in the private subnets; the value of their discovery tag."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name must be 1 to 100 letters, digits, hyphens or underscores, and begin with a letter or digit."
  }
}

variable "availability_zones" {
  description = "Two or three zones of the region, by name. A zone's place decides its address blocks: add a zone at the end."
  type        = list(string)
  nullable    = false

  validation {
    condition     = contains([2, 3], length(var.availability_zones)) && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must be two or three different zones: EKS needs two, and the network has room for three."
  }
  validation {
    condition     = alltrue([for zone in var.availability_zones : can(regex("^${data.aws_region.current.name}[a-z]$", zone))])
    error_message = "availability_zones must be zones of this region, ${data.aws_region.current.name}, by name: ${data.aws_region.current.name}a, ${data.aws_region.current.name}b, ..."
  }
}

variable "cidr_block" {
  description = "Address block of the network. Each subnet gets an eighth of it; a pod takes one address."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9.]+/(1[6-9]|2[0-2])$", var.cidr_block)) && can(cidrhost(var.cidr_block, 0))
    error_message = "cidr_block must be an IPv4 block from /16, the largest that AWS allows, to /22, whose subnets have 123 addresses, like 10.0.0.0/16."
  }
  validation {
    condition     = try(cidrhost(var.cidr_block, 0) == split("/", var.cidr_block)[0], true)
    error_message = "cidr_block must begin at its first address: write ${try(cidrhost(var.cidr_block, 0), "")}/${try(split("/", var.cidr_block)[1], "")}, otherwise AWS changes it and every plan shows a change."
  }
}

variable "nat_gateways" {
  description = "one_per_zone: a zone that fails takes no other with it. one: a third of the price, and the nodes of all zones lose the internet with its zone."
  type        = string
  default     = "one_per_zone"
  nullable    = false

  validation {
    condition     = contains(["one", "one_per_zone"], var.nat_gateways)
    error_message = "nat_gateways must be one or one_per_zone."
  }
}

variable "interface_endpoints" {
  description = <<-EOT
    AWS services that are reached without NAT, each at a price per zone and hour: ec2, ecr.api, ecr.dkr, eks, eks-auth,
    logs, monitoring, sns, sqs, ssm, ssmmessages, sts; any other by its name in full (com.amazonaws.us-east-1.kms).
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for service in var.interface_endpoints :
      contains(["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "monitoring", "sns", "sqs", "ssm", "ssmmessages", "sts"], service)
      || can(regex("^[a-z0-9.-]+\\.${data.aws_region.current.name}\\.[a-z0-9.-]+$", service))
    ])
    error_message = "interface_endpoints may name ec2, ecr.api, ecr.dkr, eks, eks-auth, logs, monitoring, sns, sqs, ssm, ssmmessages and sts; any other service by its name in full, with this region in it: com.amazonaws.${data.aws_region.current.name}.kms. S3 has its gateway endpoint always."
  }
}

variable "flow_log_retention_days" {
  description = "How long CloudWatch keeps the flow logs."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "flow_log_retention_days must be one of CloudWatch's periods: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
