# The way of a task on one machine: the same modules as on AWS, applied to the emulator.

data "aws_partition" "current" {}

locals {
  account_id = "000000000000"
}

module "api_fanout" {
  source = "../../modules/api-fanout"

  name       = var.name
  account_id = local.account_id
  stage_name = var.stage_name
  throttle   = var.throttle

  # Of the modules, not of var.runtimes: a runtime is known to the API from when tasks reach its queue.
  runtimes = { for name, runtime in module.runtime : name => runtime.intake }

  functions = { package_path = var.functions_package_path }

  # Each execution is a process of 57 MB here.
  intake = { reserved_concurrency = 20 }

  api_keys        = var.api_keys
  shared_tasks    = var.shared_tasks
  tenant_prefixes = var.tenant_prefixes
  webhook         = var.webhook

  # The developer, whose key is the account's.
  task_publishers = ["arn:${data.aws_partition.current.partition}:iam::${local.account_id}:root"]

  output_bucket = { force_destroy = true }
}

module "runtime" {
  source   = "../../modules/runtime"
  for_each = var.runtimes

  stack_name     = var.name
  name           = each.key
  type           = each.value.type
  model_filename = each.value.model_filename
  dynamic_model  = each.value.dynamic_model
  account_id     = local.account_id
  queue          = each.value.queue
  records        = module.api_fanout.records
  price          = each.value.price

  tasks_topic_arn         = module.api_fanout.tasks_topic_arn
  probe_function_name     = module.api_fanout.probe_function_name
  notifications_topic_arn = module.api_fanout.notifications_topic_arn
  output_bucket_arn       = module.api_fanout.output_bucket_arn
  kms_key_arn             = module.api_fanout.kms_key_arn
}
