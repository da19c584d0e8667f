# ---------------------------------------------------------------------------------------------
# On destroy: Karpenter takes its nodes away while it still runs, and after its release is gone
# whatever it has left is swept up. Nothing happens here on apply.
# ---------------------------------------------------------------------------------------------

locals {
  # The endpoint, too: a cluster that was deleted by hand and made anew keeps its name.
  drained = {
    cluster_name = aws_eks_cluster.this.name
    region       = local.region
    endpoint     = aws_eks_cluster.this.endpoint
  }
}

# Deletes NodePools, waits until their NodeClaims are gone, deletes EC2NodeClasses.
resource "terraform_data" "drain" {
  triggers_replace = local.drained

  input = {
    cluster_name    = aws_eks_cluster.this.name
    region          = local.region
    timeout_seconds = var.drain_timeout_seconds
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["${path.module}/../helm-release/easel-deploy"]
    command     = "karpenter drain"
    environment = { EASEL_CLUSTER = jsonencode(self.input) }
  }

  depends_on = [module.karpenter]
}

# Deletes instances, launch templates and volumes that carry the cluster's and Karpenter's tags.
resource "terraform_data" "sweep" {
  triggers_replace = local.drained

  input = {
    cluster_name    = aws_eks_cluster.this.name
    region          = local.region
    timeout_seconds = var.drain_timeout_seconds
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["${path.module}/../helm-release/easel-deploy"]
    command     = "karpenter sweep"
    environment = { EASEL_CLUSTER = jsonencode(self.input) }
  }

  # Instances hold on to their role, to the security group and through it to the VPC. The CRDs go
  # after the sweep: a NodeClaim that the drain could not end would hold them up, and the sweep too.
  depends_on = [
    aws_ec2_tag.security_group,
    aws_eks_access_entry.karpenter_nodes,
    aws_eks_node_group.system,
    aws_iam_role_policy_attachment.karpenter_nodes,
    module.karpenter_crd,
  ]
}

# Deletes the network interfaces that the network add-on has left behind, once the last node is gone:
# one that is left holds on to the security group, and through it to the subnets.
resource "terraform_data" "interfaces" {
  triggers_replace = local.drained

  input = {
    cluster_name    = aws_eks_cluster.this.name
    region          = local.region
    timeout_seconds = var.drain_timeout_seconds
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["${path.module}/../helm-release/easel-deploy"]
    command     = "karpenter interfaces"
    environment = { EASEL_CLUSTER = jsonencode(self.input) }
  }
}
