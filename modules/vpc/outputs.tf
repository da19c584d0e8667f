output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "cidr_block" {
  description = "Its address block."
  value       = aws_vpc.this.cidr_block
}

output "private_subnet_ids" {
  description = "Ids of the private subnets, in the order of the zones. What uses them has a way out, and loses it last."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]

  # A node that starts before its way out cannot join the cluster; one that loses it before it is
  # gone cannot be drained.
  depends_on = [
    aws_route.private_nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.gateway,
    aws_vpc_security_group_ingress_rule.endpoints_https,
  ]
}

output "public_subnet_ids" {
  description = "Ids of the public subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]

  depends_on = [aws_route.public_internet, aws_route_table_association.public]
}

output "private_route_table_ids" {
  description = "Ids of the private subnets' route tables, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_route_table.private[zone].id]
}

output "nat_public_ips" {
  description = "Addresses that the nodes' requests to the internet come from, for the other side's allow list."
  value       = [for zone in var.availability_zones : aws_eip.nat[zone].public_ip if contains(local.nat_zones, zone)]
}

output "flow_log_group_name" {
  description = "Log group of the flow logs."
  value       = aws_cloudwatch_log_group.flow_logs.name
}
