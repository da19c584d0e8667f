# ---------------------------------------------------------------------------------------------
# In the cluster: the role goes to the pods, and charts/sd-runtime is released
# ---------------------------------------------------------------------------------------------

locals {
  namespace = coalesce(var.namespace, var.stack_name)

  chart = coalesce(var.chart, {
    reference  = "${path.module}/../../charts/sd-runtime"
    repository = null
    version    = null
  })
}

resource "aws_eks_pod_identity_association" "agent" {
  count = length(var.cluster[*])

  cluster_name    = var.cluster.name
  namespace       = local.namespace
  service_account = var.name
  role_arn        = aws_iam_role.agent.arn

  depends_on = [var.cluster]
}

module "release" {
  source = "../helm-release"
  count  = length(var.cluster[*])

  cluster_name      = var.cluster.name
  region            = local.region
  name              = var.name
  namespace         = local.namespace
  chart             = local.chart
  values            = local.values
  extra_values_yaml = var.extra_values_yaml

  # Uninstalling waits for busy pods (their grace is 12 minutes) and then for their nodes.
  timeout_seconds = 1800

  # In this order a pod has its rights from its first to its last second, and Karpenter and KEDA
  # are there to take the release's nodes and scaler away when it is uninstalled.
  depends_on = [
    var.cluster,
    aws_eks_pod_identity_association.agent,
    aws_iam_role_policy.agent,
    aws_sns_topic_subscription.tasks,
  ]
}
