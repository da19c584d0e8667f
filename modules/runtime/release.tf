# ---------------------------------------------------------------------------------------------
# In the cluster: the role goes to the pods, and charts/sd-runtime is released
# ---------------------------------------------------------------------------------------------

locals {
  namespace = coalesce(var.namespace, var.stack_name)

  # In a new stack nothing waits for it: Karpenter takes longer.
  identity_seconds = 15

  chart = coalesce(var.chart, {
    reference  = "${path.module}/../../charts/sd-runtime"
    repository = null
    version    = null
  })
}

locals {
  pod_grace_seconds = local.task_timeout_seconds + local.chart_values.agent.stopMarginSeconds

  # A change takes four rounds of a node's and a runtime's start; uninstalling waits for busy pods,
  # then for their nodes. helm-release takes two hours at most.
  release_timeout_seconds = coalesce(var.release_timeout_seconds, min(7200, max(3600, local.pod_grace_seconds + 900)))
}

resource "aws_eks_pod_identity_association" "agent" {
  count = length(var.cluster[*])

  cluster_name    = var.cluster.name
  namespace       = local.namespace
  service_account = var.name
  role_arn        = aws_iam_role.agent.arn

  lifecycle {
    # No validation of var.nodes: what it would look at depends on var.nodes.
    precondition {
      condition     = length(local.instance_type_problems) == 0
      error_message = "Some nodes of runtime ${var.name} cannot run its pods, or not safely (nodes.instance_types, or nodes in extra_values_yaml): ${join("; ", local.instance_type_problems)}."
    }
  }
}

# A pod that starts before its association is known everywhere has no identity for as long as it
# lives: "eventually consistent, and may take several seconds to be effective".
# https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html
resource "terraform_data" "identity_known" {
  count = length(var.cluster[*])

  triggers_replace = aws_eks_pod_identity_association.agent[0].association_id

  provisioner "local-exec" {
    command = "sleep ${local.identity_seconds}"
  }
}

module "release" {
  source = "../helm-release"
  count  = length(var.cluster[*])

  cluster_name      = var.cluster.name
  cluster_id        = var.cluster_id
  region            = local.region
  name              = var.name
  namespace         = local.namespace
  chart             = local.chart
  values            = local.values
  extra_values_yaml = var.extra_values_yaml

  timeout_seconds = local.release_timeout_seconds

  # In this order a pod has its rights from its first to its last second, and Karpenter and KEDA
  # are there to take the release's nodes and scaler away when it is uninstalled.
  depends_on = [
    aws_iam_role_policy.agent,
    terraform_data.reached,
    terraform_data.identity_known,
    var.ready,
  ]
}
