# ---------------------------------------------------------------------------------------------
# The release: operator, metrics server and admission webhooks
# ---------------------------------------------------------------------------------------------

locals {
  # By the chart's names for each part, which differ from section to section.
  pod_labels = {
    operator      = { app = "keda-operator" }
    metricsServer = { app = "keda-operator-metrics-apiserver" }
    webhooks      = { app = "keda-admission-webhooks" }
  }
  security_parts = ["operator", "metricServer", "webhooks"]

  # The chart's own today. Written out, as a later chart may think otherwise.
  container_security_context = {
    allowPrivilegeEscalation = false
    readOnlyRootFilesystem   = true
    capabilities             = { drop = ["ALL"] }
    seccompProfile           = { type = "RuntimeDefault" }
  }

  chart_values = {
    clusterName = var.cluster_name

    operator      = { name = "keda-operator", replicaCount = var.replicas }
    metricsServer = { replicaCount = var.replicas }
    webhooks      = { replicaCount = var.replicas }

    image = { pullPolicy = "IfNotPresent" }

    serviceAccount = {
      operator = { create = true, name = local.service_account_name }
    }

    # It scales Deployments, with its own identity: it needs no secret outside its namespace. Both
    # are needed: for kinds of others' making the chart lets it read everything, secrets as well.
    permissions = {
      operator     = { restrict = { secret = true } }
      metricServer = { restrict = { secret = true } }
    }
    rbac = { enabledCustomScaledRefKinds = false }

    podSecurityContext = { for part in local.security_parts : part => { runAsNonRoot = true } }
    securityContext    = { for part in local.security_parts : part => local.container_security_context }

    resources = {
      for part in local.security_parts : part => {
        requests = { cpu = "100m", memory = "128Mi" }
        limits   = { cpu = "1", memory = "1000Mi" }
      }
    }

    # Without it nothing scales: it stays on the system nodes, spread over them, and goes last.
    priorityClassName = "system-cluster-critical"
    nodeSelector      = var.node_selector
    tolerations       = [{ key = "CriticalAddonsOnly", operator = "Exists" }]
    topologySpreadConstraints = {
      for part, labels in local.pod_labels : part => [{
        maxSkew           = 1
        topologyKey       = "kubernetes.io/hostname"
        whenUnsatisfiable = "ScheduleAnyway"
        labelSelector     = { matchLabels = labels }
      }]
    }
    podDisruptionBudget = { for part in local.security_parts : part => { maxUnavailable = 1 } }

    # The definitions stay when the release goes, and with them every ScaledObject: a release that is
    # installed anew finds them again.
    crds = {
      install               = true
      additionalAnnotations = { "helm.sh/resource-policy" = "keep" }
    }

    logging = {
      operator = { format = "json" }
      webhooks = { format = "json" }
    }
  }
}

module "release" {
  source = "../helm-release"

  cluster_name      = var.cluster_name
  cluster_id        = var.cluster_id
  region            = local.region
  name              = "keda"
  namespace         = local.namespace
  chart             = var.chart
  extra_values_yaml = var.extra_values_yaml

  values = merge(
    local.chart_values,
    { for registry in var.image_registry[*] : "global" => { image = { registry = registry } } },
  )

  # A pod gets its identity as it starts, and an association takes seconds to be known everywhere:
  # it is made with the cluster, long before what `ready` stands for.
  depends_on = [
    aws_eks_pod_identity_association.operator,
    aws_iam_role_policy.operator,
    var.ready,
  ]
}
