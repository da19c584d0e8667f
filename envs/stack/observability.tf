# Whether the stack is well: dashboard, alarms, saved queries, budget.

module "observability" {
  source = "../../modules/observability"

  name           = var.name
  account_id     = local.account_id
  kms_key_arn    = module.api_fanout.kms_key_arn
  mail_addresses = var.observability.mail_addresses
  runbook        = var.observability.runbook
  thresholds     = var.observability.thresholds
  budget         = var.observability.budget

  api                            = module.api_fanout.watched.api
  functions                      = module.api_fanout.watched.functions
  tasks_topic_name               = module.api_fanout.watched.tasks_topic_name
  records_table_name             = module.api_fanout.watched.records_table_name
  webhook_dead_letter_queue_name = module.api_fanout.watched.webhook_dead_letter_queue_name
  log_group_names                = module.api_fanout.watched.log_group_names

  # The queues' names written out, as for module.keda: the modules' outputs wait for releases.
  runtimes = {
    for name in keys(var.runtimes) : name => {
      queue_name             = "${var.name}-${name}"
      dead_letter_queue_name = "${var.name}-${name}-dead-letter"
    }
  }
  cluster = {
    name                  = var.name
    insights              = !contains(var.addons_left_out, "amazon-cloudwatch-observability")
    gpu_metrics           = var.observability.gpu_metrics
    application_log_group = module.eks_karpenter.application_log_group_name
  }
}
