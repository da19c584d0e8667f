# One runtime: its queue with a dead-letter queue, its filtered subscription to the tasks topic,
# the role of its queue agent and, where there is a cluster, its release there.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_default_tags" "this" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Both are the same in every partition.
  service_principals = {
    pods = "pods.eks.amazonaws.com"
    sns  = "sns.amazonaws.com"
  }

  # The most that SQS takes: a task is given up by its record's attempts; this is the net below, as
  # a task is also received when it is held, handed back or found cancelled.
  most_receives = 1000

  # As contract/easel_contract/record.py has them: the partition keys that an agent may write.
  record_keys = ["task/*", "idempotency/*"]

  # As contract/easel_contract/storage.py has it.
  own_prefix = "_easel/"

  # Only pods mount models.
  models = var.cluster == null ? null : var.models

  queue_name             = "${var.stack_name}-${var.name}"
  dead_letter_queue_name = "${local.queue_name}-dead-letter"

  # Written out, not read from the queues: the policies below are arguments of the queues
  # themselves. As resources of their own they would add half a minute each to every apply.
  queue_arn_prefix      = "arn:${local.partition}:sqs:${local.region}:${var.account_id}"
  queue_arn             = "${local.queue_arn_prefix}:${local.queue_name}"
  dead_letter_queue_arn = "${local.queue_arn_prefix}:${local.dead_letter_queue_name}"
}
