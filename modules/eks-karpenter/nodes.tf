# ---------------------------------------------------------------------------------------------
# Role of the nodes that Karpenter adds. EC2NodeClasses name it; Karpenter makes the instance
# profiles for it.
# ---------------------------------------------------------------------------------------------

locals {
  node_role_name = "${local.name_prefix}-karpenter-nodes"
}

resource "aws_iam_role" "karpenter_nodes" {
  name               = local.node_role_name
  description        = "Nodes that Karpenter adds to cluster ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

# Not AmazonEKS_CNI_Policy, which Karpenter's own template adds: the network add-on has a role of its
# own, and with that policy a node may change any network interface of the account.
resource "aws_iam_role_policy_attachment" "karpenter_nodes" {
  for_each = toset([
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSWorkerNodePolicy",
    "AmazonSSMManagedInstanceCore",
  ])

  role       = aws_iam_role.karpenter_nodes.name
  policy_arn = "${local.managed_policy}/${each.key}"
}

# EKS makes such an entry for node groups only.
resource "aws_eks_access_entry" "karpenter_nodes" {
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_iam_role.karpenter_nodes.arn
  type          = "EC2_LINUX"
}
