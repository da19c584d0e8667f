# ---------------------------------------------------------------------------------------------
# What the dashboard shows of nodes and pods
# ---------------------------------------------------------------------------------------------

locals {
  cluster_series = {
    nodes = [
      for metric, label in {
        cluster_node_count             = "nodes"
        cluster_failed_node_count      = "nodes with a problem"
        cluster_number_of_running_pods = "pods"
        pod_status_pending             = "a pod is pending (1)"
      } :
      ["ContainerInsights", metric, "ClusterName", local.cluster_name, { stat = "Maximum", label = label }]
    ]

    # No metric of a cluster knows Spot from on-demand. These are of the whole account, as its quotas
    # are: the figure that stops new nodes. The class of Spot is a guess after that of on-demand:
    # Service Quotas names the latter for its quota.
    capacity = [
      for class, label in { "G/OnDemand" = "on-demand", "G/Spot" = "Spot" } : [
        "AWS/Usage", "ResourceCount", "Class", class, "Resource", "vCPU", "Service", "EC2", "Type", "Resource",
        { stat = "Maximum", label = label },
      ]
    ]

    # modules/eks-karpenter has a rule of each name.
    interruptions = [
      for rule, label in { spot-interruption = "interruptions", rebalance = "recommendations to rebalance" } :
      ["AWS/Events", "TriggeredRules", "RuleName", "${var.name}-${rule}", { stat = "Sum", label = label }]
    ]

    gpu_load = [
      for metric, label in { node_gpu_utilization = "load", node_gpu_memory_utilization = "memory" } :
      ["ContainerInsights", metric, "ClusterName", local.cluster_name, { stat = "Average", label = label }]
    ]
  }
}
