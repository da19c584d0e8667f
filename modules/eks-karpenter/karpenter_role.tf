# ---------------------------------------------------------------------------------------------
# Karpenter's role: the policies of its published CloudFormation template, one by one, and the use
# of the keys that volumes are encrypted with, where they are not AWS's own
# ---------------------------------------------------------------------------------------------

locals {
  # Tags that Karpenter puts on what it makes, by which it may use and delete it again.
  cluster_tag = "kubernetes.io/cluster/${var.name}"

  karpenter_policies = merge(local.volume_key_policy, {
    node-lifecycle     = data.aws_iam_policy_document.node_lifecycle.json
    iam-integration    = data.aws_iam_policy_document.iam_integration.json
    eks-integration    = data.aws_iam_policy_document.eks_integration.json
    interruption       = data.aws_iam_policy_document.interruption.json
    zonal-shift        = data.aws_iam_policy_document.zonal_shift.json
    resource-discovery = data.aws_iam_policy_document.resource_discovery.json
  })

  volume_key_policy = { for document in data.aws_iam_policy_document.volume_keys : "volume-keys" => document.json }
}

# Managed, not inline: all of them together come near the limit for a role's inline policies.
resource "aws_iam_policy" "karpenter" {
  for_each = local.karpenter_policies

  name        = "${local.name_prefix}-karpenter-${each.key}"
  description = "Karpenter of cluster ${var.name}"
  policy      = each.value
}

resource "aws_iam_role_policy_attachment" "karpenter" {
  for_each = local.karpenter_policies

  role       = aws_iam_role.pod["karpenter"].name
  policy_arn = aws_iam_policy.karpenter[each.key].arn
}

resource "aws_eks_pod_identity_association" "karpenter" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = local.pod_roles.karpenter.namespace
  service_account = local.pod_roles.karpenter.service_account
  role_arn        = aws_iam_role.pod["karpenter"].arn
}
