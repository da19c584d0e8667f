# ---------------------------------------------------------------------------------------------
# S3 and DynamoDB: free, and all models, pictures, image layers and tasks' records go through them
# instead of through NAT
# ---------------------------------------------------------------------------------------------

resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["s3", "dynamodb"])

  vpc_id            = aws_vpc.this.id
  vpc_endpoint_type = "Gateway"
  # Gateways have these names in China as well; there cn.com.amazonaws is the interface endpoint.
  service_name = "com.amazonaws.${local.region}.${each.key}"

  route_table_ids = concat(
    [aws_route_table.public.id],
    [for zone in var.availability_zones : aws_route_table.private[zone].id],
  )

  tags = { Name = "${var.name}-${each.key}" }
}

moved {
  from = aws_vpc_endpoint.s3
  to   = aws_vpc_endpoint.gateway["s3"]
}

# ---------------------------------------------------------------------------------------------
# Interface endpoints: AWS services without NAT
# ---------------------------------------------------------------------------------------------

locals {
  # In China most services reverse the partition's suffix (cn.com.amazonaws.<region>.sqs); these
  # keep the global form. No data source tells without asking AWS.
  globally_named_services = toset(["logs", "sns", "ssm", "ssmmessages"])

  # What has the region in it is a name in full.
  interface_endpoint_names = {
    for service in var.interface_endpoints : service => (
      strcontains(service, ".${local.region}.") ? service
      : contains(local.globally_named_services, service) ? "com.amazonaws.${local.region}.${service}"
      : "${data.aws_partition.current.reverse_dns_prefix}.${local.region}.${service}"
    )
  }
}

resource "aws_security_group" "endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  name_prefix = "${var.name}-endpoints-"
  description = "HTTPS from the network to its interface endpoints"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }

  # One in use cannot be deleted: where it must be replaced, the new one is taken up first.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_https" {
  count = length(aws_security_group.endpoints)

  security_group_id = aws_security_group.endpoints[0].id
  description       = "HTTPS from the network"
  cidr_ipv4         = aws_vpc.this.cidr_block
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_endpoint_names

  vpc_id              = aws_vpc.this.id
  vpc_endpoint_type   = "Interface"
  service_name        = each.value
  subnet_ids          = [for zone in var.availability_zones : aws_subnet.private[zone].id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true

  tags = { Name = "${var.name}-${each.key}" }
}
