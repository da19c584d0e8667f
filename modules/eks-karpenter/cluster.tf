# ---------------------------------------------------------------------------------------------
# Control plane
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "cluster_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.eks]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${local.name_prefix}-cluster"
  description        = "Control plane of cluster ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.cluster_trust.json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "${local.managed_policy}/AmazonEKSClusterPolicy"
}

resource "aws_eks_cluster" "this" {
  name     = var.name
  version  = var.kubernetes_version
  role_arn = aws_iam_role.cluster.arn

  # They are add-ons here; without this EKS installs copies that nobody updates.
  bootstrap_self_managed_addons = false

  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.public_access_cidrs) > 0
    public_access_cidrs     = length(var.public_access_cidrs) > 0 ? var.public_access_cidrs : null
  }

  access_config {
    authentication_mode = "API"
    # The same apply installs releases into the cluster, so who runs it must be let in.
    bootstrap_cluster_creator_admin_permissions = true
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = aws_kms_key.this.arn
    }
  }

  upgrade_policy {
    support_type = var.support_type
  }

  # Without the group EKS would make one of its own, unencrypted and kept for ever.
  depends_on = [aws_cloudwatch_log_group.cluster, aws_iam_role_policy_attachment.cluster]
}

# The group that EKS makes lets in only itself: not even a machine in the same network reaches the
# private endpoint without these. Pods and nodes have the group, too, and serve nothing on 443.
# https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
resource "aws_vpc_security_group_ingress_rule" "api" {
  for_each = toset(var.private_access_cidrs)

  description       = "Kubernetes API from ${each.key}"
  security_group_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# EC2NodeClasses find the security group by this tag. EKS makes the group, and tags it itself.
resource "aws_ec2_tag" "security_group" {
  resource_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
  key         = "karpenter.sh/discovery"
  value       = var.name
}
