# The whole estate of one region: network, cluster, scaler, API, runtimes.
# The code of every region, which links to these files; a region is its terraform.tfvars.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "usable" {
  #checkov:skip=CKV_AWS_394:The first three by name are taken; a zone that AWS adds comes behind them, and availability_zones pins them
  state = "available"

  # Local and Wavelength Zones have neither NAT gateways nor GPUs of the usual kinds.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  # EKS puts no control plane there:
  # https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
  exclude_zone_ids = ["use1-az3", "usw1-az2", "cac1-az3"]
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # Where repositories without a registry's name are, and all that is mirrored.
  registry = "${local.account_id}.dkr.ecr.${var.region}.${data.aws_partition.current.dns_suffix}"
  mirror   = var.mirror_prefix == null ? null : "${local.registry}/${var.mirror_prefix}"

  availability_zones = coalesce(
    var.availability_zones,
    slice(sort(data.aws_availability_zones.usable.names), 0, min(3, length(data.aws_availability_zones.usable.names))),
  )

  # Written out, as policies name it before there is one. easel destroy knows it, too.
  model_bucket     = "${var.name}-models-${local.account_id}-${var.region}"
  model_bucket_arn = coalesce(var.model_bucket_arn, "arn:${local.partition}:s3:::${local.model_bucket}")

  network = var.existing_vpc == null ? {
    vpc_id         = one(module.vpc[*].vpc_id)
    subnet_ids     = one(module.vpc[*].private_subnet_ids)
    endpoint_cidrs = [var.vpc.cidr_block]
    } : {
    vpc_id         = var.existing_vpc.vpc_id
    subnet_ids     = var.existing_vpc.subnet_ids
    endpoint_cidrs = var.existing_vpc.cidr_blocks
  }
}

module "model_bucket" {
  source = "../../modules/model-bucket"
  count  = var.model_bucket == null ? 0 : 1

  bucket                       = local.model_bucket
  kms_key_arn                  = var.model_kms_key_arn
  expire_noncurrent_after_days = var.model_bucket.expire_noncurrent_after_days
}

module "vpc" {
  source = "../../modules/vpc"
  count  = var.existing_vpc == null ? 1 : 0

  name                = var.name
  account_id          = local.account_id
  cluster_name        = var.name
  cidr_block          = var.vpc.cidr_block
  availability_zones  = local.availability_zones
  nat_gateways        = var.vpc.nat_gateways
  interface_endpoints = var.vpc.interface_endpoints

  flow_log_retention_days = var.log_retention_days
}

module "eks_karpenter" {
  source = "../../modules/eks-karpenter"

  name                 = var.name
  account_id           = local.account_id
  kubernetes_version   = var.cluster.kubernetes_version
  support_type         = var.cluster.support_type
  subnet_ids           = local.network.subnet_ids
  private_access_cidrs = var.cluster.private_access_cidrs == null ? local.network.endpoint_cidrs : var.cluster.private_access_cidrs
  public_access_cidrs  = var.cluster.public_access_cidrs
  access_entries       = var.cluster.access_entries
  system_nodes         = var.system_nodes
  addon_versions       = var.addon_versions
  addons_left_out      = var.addons_left_out
  gpu_metrics_enabled  = var.observability.gpu_metrics
  model_bucket_arns    = [local.model_bucket_arn]
  model_kms_key_arns   = var.model_kms_key_arn[*]
  volume_kms_key_arns  = var.cluster.volume_kms_key_arns
  karpenter = {
    version  = var.karpenter_version
    registry = local.mirror == null ? null : "${local.mirror}/karpenter"
  }
  log_retention_days = var.log_retention_days
}

module "keda" {
  source = "../../modules/keda"

  stack_name    = var.name
  account_id    = local.account_id
  cluster_name  = module.eks_karpenter.cluster_name
  cluster_id    = module.eks_karpenter.cluster_endpoint
  ready         = module.eks_karpenter.ready
  node_selector = module.eks_karpenter.system_node_labels

  # Written out: read from module.runtime they would come after the releases that need KEDA.
  queue_arns = [
    for name in keys(var.runtimes) : "arn:${local.partition}:sqs:${var.region}:${local.account_id}:${var.name}-${name}"
  ]
  chart = local.mirror == null ? {
    reference  = "keda"
    repository = "https://kedacore.github.io/charts"
    version    = var.keda_version
    } : {
    reference  = "oci://${local.mirror}/charts/keda"
    repository = null
    version    = var.keda_version
  }
  image_registry = local.mirror
}
