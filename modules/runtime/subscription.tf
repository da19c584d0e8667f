# ---------------------------------------------------------------------------------------------
# Subscription: which tasks reach this runtime
# ---------------------------------------------------------------------------------------------

locals {
  by_name = { runtime = [var.name] }

  # v1alpha1 knows checkpoints, not runtimes. The checkpoint decides only where no runtime is
  # named: a task that names another runtime and, in passing, this runtime's checkpoint would
  # otherwise be drawn twice.
  by_checkpoint = {
    runtime             = [{ exists = false }]
    sd_model_checkpoint = [var.model_filename]
  }

  routes_by_checkpoint = var.type == "sdwebui" && var.model_filename != null

  filter_policy = (local.routes_by_checkpoint
    ? jsonencode({ "$or" = [local.by_name, local.by_checkpoint] })
    : jsonencode(local.by_name)
  )
}

# A new or changed filter may take up to 15 minutes to act; until then SNS drops in silence what it is
# for. A change of model_filename leaves the way by name, which the API's tasks take, in both filters.
# https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
resource "aws_sns_topic_subscription" "tasks" {
  topic_arn            = var.tasks_topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.task.arn
  raw_message_delivery = true
  filter_policy        = local.filter_policy
  filter_policy_scope  = "MessageAttributes"

  # Otherwise a task that SNS cannot deliver (key disabled, queue deleted) is lost in silence.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letter.arn })
}

# ---------------------------------------------------------------------------------------------
# Whether tasks reach this runtime: once for each subscription, until probes arrive (docs/adr/0043).
# The intake function knows the runtime, and its release is installed, only then: the list of runtimes
# is the gate, and no pod is started for a probe.
# ---------------------------------------------------------------------------------------------

resource "terraform_data" "reached" {
  # A subscription that is made anew has another id.
  triggers_replace = aws_sns_topic_subscription.tasks.arn

  provisioner "local-exec" {
    interpreter = ["${path.module}/../helm-release/easel-deploy"]
    command     = "runtime probe"
    environment = {
      EASEL_PROBE = jsonencode({
        region        = local.region
        runtime       = var.name
        function_name = var.probe_function_name
        queue_url     = aws_sqs_queue.task.url
      })
    }
  }
}
