# ---------------------------------------------------------------------------------------------
# Add-ons, each with a pinned version, and where it calls AWS with a role of its own
# ---------------------------------------------------------------------------------------------

locals {
  # What makes a node ready. Without nodes EKS counts them as active.
  addons_before_nodes = {
    # The runtimes' network policies are only words unless the agent enforces them.
    vpc-cni = {
      role          = "vpc-cni"
      configuration = { enableNetworkPolicy = "true" }
    }
    kube-proxy             = { role = null, configuration = null }
    eks-pod-identity-agent = { role = null, configuration = null }
  }

  addons_after_nodes = {
    coredns        = { role = null, configuration = null }
    metrics-server = { role = null, configuration = null }

    # Also on GPU nodes, in spite of their taints: there the models are.
    aws-mountpoint-s3-csi-driver = {
      role          = "mountpoint"
      configuration = { node = { tolerateAllTaints = true } }
    }

    # Its two daemons tolerate every taint of themselves. GPU metrics need a container with access to
    # all GPUs on every GPU node; traces and OpenTelemetry metrics are priced apart.
    amazon-cloudwatch-observability = {
      role = "cloudwatch"
      configuration = {
        containerLogs = {
          enabled   = true
          fluentBit = { config = { extraFiles = { "easel-metrics.conf" = file("${path.module}/easel-metrics.conf") } } }
        }
        containerInsights     = { enabled = true }
        applicationSignals    = { enabled = false }
        otelContainerInsights = { enabled = false }
        dcgmExporter          = { enabled = var.gpu_metrics_enabled }
        neuronMonitor         = { enabled = false }
        # It would tolerate the GPU nodes as well, and Karpenter could not empty them.
        manager = { nodeSelector = local.system_node_label }
      }
    }
  }

  addon_names = setsubtract(
    concat(keys(local.addons_before_nodes), keys(local.addons_after_nodes)),
    var.addons_left_out,
  )

  addon_versions = merge(
    { for name, version in data.aws_eks_addon_version.default : name => version.version },
    var.addon_versions,
  )

  mountpoint_version = try(local.addon_versions["aws-mountpoint-s3-csi-driver"], null)
  # Before 2.8 the driver could take the mount from a pod that was being stopped but still worked,
  # and Mountpoint did not know its container's memory limit.
  # https://github.com/awslabs/mountpoint-s3-csi-driver/releases/tag/v2.8.0
  mountpoint_is_new = try(
    tonumber(regex("^v([0-9]+)\\.([0-9]+)", local.mountpoint_version)[0]) * 1000
    + tonumber(regex("^v([0-9]+)\\.([0-9]+)", local.mountpoint_version)[1]) >= 2008,
    true, # left out
  )
}

# What EKS installs by default with this Kubernetes version, for add-ons that are not pinned.
data "aws_eks_addon_version" "default" {
  for_each = setsubtract(local.addon_names, keys(var.addon_versions))

  addon_name         = each.key
  kubernetes_version = var.kubernetes_version
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = local.addon_versions[each.key]
  configuration_values        = each.value.configuration == null ? null : jsonencode(each.value.configuration)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"

  dynamic "pod_identity_association" {
    for_each = each.value.role == null ? [] : [each.value.role]

    content {
      role_arn        = aws_iam_role.pod[pod_identity_association.value].arn
      service_account = local.pod_roles[pod_identity_association.value].service_account
    }
  }

  depends_on = [aws_iam_role_policy_attachment.pod]
}

resource "aws_eks_addon" "after_nodes" {
  for_each = { for name, addon in local.addons_after_nodes : name => addon if !contains(var.addons_left_out, name) }

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = local.addon_versions[each.key]
  configuration_values        = each.value.configuration == null ? null : jsonencode(each.value.configuration)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"

  dynamic "pod_identity_association" {
    for_each = each.value.role == null ? [] : [each.value.role]

    content {
      role_arn        = aws_iam_role.pod[pod_identity_association.value].arn
      service_account = local.pod_roles[pod_identity_association.value].service_account
    }
  }

  depends_on = [
    aws_cloudwatch_log_group.insights,
    aws_eks_node_group.system,
    aws_iam_role_policy.mountpoint,
    aws_iam_role_policy_attachment.pod,
  ]

  lifecycle {
    precondition {
      condition     = each.key != "aws-mountpoint-s3-csi-driver" || local.mountpoint_is_new
      error_message = "aws-mountpoint-s3-csi-driver would be ${coalesce(local.mountpoint_version, "none")}, and must be v2.8 or later: older ones take the models from pods that still work. Set it in addon_versions (easel eks addons lists EKS's defaults); where EKS offers none, leave it out by addons_left_out and install the driver yourself."
    }
  }
}
