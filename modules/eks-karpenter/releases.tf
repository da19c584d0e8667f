# ---------------------------------------------------------------------------------------------
# Karpenter's releases: its CRDs, which Helm would never upgrade inside the other chart, and the
# controller
# ---------------------------------------------------------------------------------------------

locals {
  karpenter_registry = coalesce(var.karpenter.registry, "public.ecr.aws/karpenter")

  # The chart names the public image with its digest. A copy may have another one.
  karpenter_image = {
    for registry in compact([var.karpenter.registry]) : "image" => {
      repository = "${registry}/controller"
      tag        = var.karpenter.version
      digest     = var.karpenter.image_digest == null ? "" : var.karpenter.image_digest
    }
  }

  karpenter_values = {
    # The chart keeps two replicas off each other's node; on a single node the second would wait.
    replicas       = min(2, var.system_nodes.min)
    logLevel       = "info"
    nodeSelector   = merge({ "kubernetes.io/os" = "linux" }, local.system_node_label)
    serviceAccount = { name = local.pod_roles.karpenter.service_account }

    settings = {
      clusterName       = aws_eks_cluster.this.name
      interruptionQueue = aws_sqs_queue.interruption.name
    }

    controller = merge(local.karpenter_image, {
      # Otherwise it asks the instance metadata, which pods do not reach.
      env = [{ name = "AWS_REGION", value = local.region }]

      # The garbage collector keeps to the memory limit.
      resources = {
        requests = { cpu = "250m", memory = "512Mi" }
        limits   = { memory = "1Gi" }
      }
    })
  }
}

module "karpenter_crd" {
  source = "../helm-release"

  cluster_name = aws_eks_cluster.this.name
  cluster_id   = aws_eks_cluster.this.endpoint
  region       = local.region
  name         = "karpenter-crd"
  namespace    = local.pod_roles.karpenter.namespace
  values       = {}

  chart = {
    reference = "oci://${local.karpenter_registry}/karpenter-crd"
    version   = var.karpenter.version
  }

  # Who destroys may be someone else than who has made the cluster, and needs the way in as well.
  depends_on = [
    aws_eks_access_policy_association.principal,
    aws_eks_addon.after_nodes,
    aws_vpc_security_group_ingress_rule.api,
  ]
}

module "karpenter" {
  source = "../helm-release"

  cluster_name      = aws_eks_cluster.this.name
  cluster_id        = aws_eks_cluster.this.endpoint
  region            = local.region
  name              = "karpenter"
  namespace         = module.karpenter_crd.namespace
  values            = local.karpenter_values
  extra_values_yaml = var.karpenter.extra_values_yaml
  skip_crds         = true

  chart = {
    reference = "oci://${local.karpenter_registry}/karpenter"
    version   = var.karpenter.version
  }

  # All that Karpenter needs in order to take its nodes away again.
  depends_on = [
    aws_cloudwatch_event_target.interruption,
    aws_ec2_tag.security_group,
    aws_eks_access_entry.karpenter_nodes,
    aws_eks_pod_identity_association.karpenter,
    aws_iam_role_policy_attachment.karpenter,
    aws_iam_role_policy_attachment.karpenter_nodes,
    module.karpenter_crd,
    terraform_data.sweep,
  ]
}
