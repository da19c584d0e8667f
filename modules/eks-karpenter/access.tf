# ---------------------------------------------------------------------------------------------
# Who may use the Kubernetes API, beside whoever made the cluster
# ---------------------------------------------------------------------------------------------

locals {
  access_policies = {
    "cluster-admin" = "AmazonEKSClusterAdminPolicy"
    "admin"         = "AmazonEKSAdminPolicy"
    "edit"          = "AmazonEKSEditPolicy"
    "view"          = "AmazonEKSViewPolicy"
  }
}

resource "aws_eks_access_entry" "principal" {
  for_each = var.access_entries

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
}

resource "aws_eks_access_policy_association" "principal" {
  for_each = var.access_entries

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.principal[each.key].principal_arn
  policy_arn    = "arn:${local.partition}:eks::aws:cluster-access-policy/${local.access_policies[each.value.policy]}"

  access_scope {
    type       = length(each.value.namespaces) > 0 ? "namespace" : "cluster"
    namespaces = length(each.value.namespaces) > 0 ? each.value.namespaces : null
  }
}
