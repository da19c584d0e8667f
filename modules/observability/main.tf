# Whether the stack is well: a dashboard, alarms that name their runbook, a topic that alarms are
# published to, saved queries of the logs, a budget. Nothing here is on a task's way.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Both are the same in every partition.
  service_principals = {
    budgets    = "budgets.amazonaws.com"
    cloudwatch = "cloudwatch.amazonaws.com"
  }

  topic_name = "${var.name}-operations"
  # As in modules/api-fanout's key.
  alarm_arn_prefix = "arn:${local.partition}:cloudwatch:${local.region}:${var.account_id}:alarm:${var.name}-"

  has_cluster     = var.cluster != null
  cluster_name    = try(var.cluster.name, "")
  has_insights    = try(var.cluster.insights, false)
  has_gpu_metrics = local.has_insights && try(var.cluster.gpu_metrics, false)

  # contract/easel_contract/metrics.py defines the metrics of easel's own; tests/plan holds every
  # metric that an alarm or a widget names against that table and against AWS's documentation.
  own_namespace = "easel"
}
