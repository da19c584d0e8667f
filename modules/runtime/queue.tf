# ---------------------------------------------------------------------------------------------
# Task queue and dead-letter queue
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "queue" {
  for_each = {
    task        = local.queue_arn
    dead_letter = local.dead_letter_queue_arn
  }

  # Into the dead-letter queue SNS puts what it could not deliver.
  statement {
    sid       = "TasksTopicSends"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.sns]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [var.tasks_topic_arn]
    }
  }

  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = local.dead_letter_queue_name
  message_retention_seconds = var.queue.dead_letter_retention_seconds
  receive_wait_time_seconds = 20
  max_message_size          = 262144
  kms_master_key_id         = var.kms_key_arn
  policy                    = data.aws_iam_policy_document.queue["dead_letter"].json

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })
}

resource "aws_sqs_queue" "task" {
  name                       = local.queue_name
  visibility_timeout_seconds = local.visibility_timeout_seconds
  message_retention_seconds  = var.queue.retention_seconds
  receive_wait_time_seconds  = 20
  max_message_size           = 262144
  kms_master_key_id          = var.kms_key_arn
  policy                     = data.aws_iam_policy_document.queue["task"].json

  # The queue agent counts a task's begins to max_attempts, in the task's record, and tells its sender
  # before it puts the task into the dead-letter queue.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = local.most_receives
  })

  lifecycle {
    # No validation of var.agent: what it would look at depends on var.agent.
    precondition {
      condition     = length(local.agent_setting_problems) == 0
      error_message = "Settings of the agent of runtime ${var.name} (agent, and of queue) are out of bounds: ${join("; ", local.agent_setting_problems)}."
    }
  }
}
