# The network: a public and a private subnet in each zone, one internet gateway, NAT gateways.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Flow logs have one principal for all partitions; CloudWatch Logs has one for each region, with
  # the partition's suffix.
  service_principals = {
    flow_logs = "vpc-flow-logs.amazonaws.com"
    logs      = "logs.${local.region}.${data.aws_partition.current.dns_suffix}"
  }

  # A zone's place in the list decides its blocks. The list can grow at its end: the private blocks
  # begin where the third public one would end, however many zones there are.
  zones = {
    for index, zone in var.availability_zones : zone => {
      public_cidr_block  = cidrsubnet(var.cidr_block, 3, index)
      private_cidr_block = cidrsubnet(var.cidr_block, 3, index + 3)
      # The zone of the NAT gateway that its private subnet uses.
      nat_zone = var.nat_gateways == "one" ? var.availability_zones[0] : zone
    }
  }

  nat_zones = toset([for zone in local.zones : zone.nat_zone])
}

resource "aws_vpc" "this" {
  cidr_block = var.cidr_block

  # Interface endpoints and the cluster's private endpoint are found by name.
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# Every network has one and it cannot be removed: emptied, so that nothing can rely on it.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-closed" }
}
