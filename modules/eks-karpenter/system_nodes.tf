# ---------------------------------------------------------------------------------------------
# System nodes: the add-ons and controllers run here, Karpenter first of all, which cannot run on
# nodes of its own. They have no taint: neither KEDA nor metrics-server tolerates one by itself, and
# GPU pods find no GPU here.
# ---------------------------------------------------------------------------------------------

locals {
  # Controllers are held here by it.
  system_node_label = { "easel/nodes" = "system" }

  by_architecture = {
    arm64 = {
      ami_type       = "BOTTLEROCKET_ARM_64"
      instance_types = ["m7g.large", "m6g.large"]
    }
    x86_64 = {
      ami_type       = "BOTTLEROCKET_x86_64"
      instance_types = ["m6i.large", "m5.large"]
    }
  }

  system_instance_types = coalescelist(
    var.system_nodes.instance_types,
    local.by_architecture[var.system_nodes.architecture].instance_types,
  )
}

data "aws_iam_policy_document" "node_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.ec2]
    }
  }
}

resource "aws_iam_role" "system_nodes" {
  name               = "${local.name_prefix}-system-nodes"
  description        = "System nodes of cluster ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

# The network add-on has a role of its own, so the nodes need none of its rights.
resource "aws_iam_role_policy_attachment" "system_nodes" {
  for_each = toset([
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSWorkerNodePolicy",
    "AmazonSSMManagedInstanceCore",
  ])

  role       = aws_iam_role.system_nodes.name
  policy_arn = "${local.managed_policy}/${each.key}"
}

# The provider puts them on what it makes itself, but not on what is made from a template.
data "aws_default_tags" "this" {}

resource "aws_launch_template" "system_nodes" {
  name        = "${var.name}-system"
  description = "System nodes of cluster ${var.name}"

  # One hop: pods do not reach the nodes' role. Add-ons that read the metadata are on the host's
  # network, and Pod Identity has an address of its own.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Bottlerocket's own volume, and the one for images and pods.
  dynamic "block_device_mappings" {
    for_each = { "/dev/xvda" = 4, "/dev/xvdb" = var.system_nodes.disk_gib }

    content {
      device_name = block_device_mappings.key

      ebs {
        volume_size           = block_device_mappings.value
        volume_type           = "gp3"
        encrypted             = true
        delete_on_termination = true
      }
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "network-interface", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(data.aws_default_tags.this.tags, { Name = "${var.name}-system" })
    }
  }
}

resource "aws_eks_node_group" "system" {
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "system"
  node_role_arn   = aws_iam_role.system_nodes.arn
  subnet_ids      = var.subnet_ids
  version         = aws_eks_cluster.this.version
  release_version = var.system_nodes.release_version
  ami_type        = local.by_architecture[var.system_nodes.architecture].ami_type
  instance_types  = local.system_instance_types
  labels          = local.system_node_label

  launch_template {
    id      = aws_launch_template.system_nodes.id
    version = aws_launch_template.system_nodes.latest_version
  }

  scaling_config {
    min_size     = var.system_nodes.min
    max_size     = var.system_nodes.max
    desired_size = var.system_nodes.desired
  }

  update_config {
    max_unavailable = 1
  }

  # An operator may scale by hand within min and max.
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  # A node without its network is not ready, and one without its policies never joins.
  depends_on = [
    aws_eks_addon.before_nodes,
    aws_iam_role_policy_attachment.system_nodes,
    terraform_data.interfaces,
  ]
}
