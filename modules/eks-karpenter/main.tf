# The cluster: control plane, system nodes, add-ons, and Karpenter, which adds GPU nodes.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # EC2 alone has a form of its own in China for nodes; whom Karpenter may pass the nodes' role to is
  # written in both forms in every partition. CloudWatch Logs has one principal for each region.
  service_principals = {
    ec2        = "ec2.${data.aws_partition.current.dns_suffix}"
    ec2_china  = "ec2.amazonaws.com.cn"
    ec2_global = "ec2.amazonaws.com"
    eks        = "eks.amazonaws.com"
    events     = "events.amazonaws.com"
    logs       = "logs.${local.region}.${data.aws_partition.current.dns_suffix}"
    pods       = "pods.eks.amazonaws.com"
    sqs        = "sqs.amazonaws.com"
  }

  # IAM's names are the same for all regions.
  name_prefix = "${var.name}-${local.region}"

  # Written out, not read from the resources: a plan then shows every policy in full.
  account_arn          = "arn:${local.partition}:iam::${var.account_id}"
  cluster_arn          = "arn:${local.partition}:eks:${local.region}:${var.account_id}:cluster/${var.name}"
  log_group_arn_prefix = "arn:${local.partition}:logs:${local.region}:${var.account_id}:log-group"
  managed_policy       = "arn:${local.partition}:iam::aws:policy"
}
