# ---------------------------------------------------------------------------------------------
# Role of the queue agent's pods, given to them by EKS Pod Identity
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "agent_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.pods]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:eks:${local.region}:${var.account_id}:cluster/*"]
    }
  }
}

data "aws_iam_policy_document" "agent" {
  statement {
    sid = "WorkItsQueue"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [local.queue_arn]
  }

  # What no later try would mend is put there by the agent, after its sender was told.
  statement {
    sid       = "BuryHopelessTasks"
    actions   = ["sqs:SendMessage"]
    resources = [local.dead_letter_queue_arn]
  }

  # Get covers content too large for SNS, the outputs of an earlier attempt, and s3:// URLs of
  # earlier outputs; abort cleans up after an upload in parts that failed.
  statement {
    sid       = "StoreOutputs"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.output_bucket_arn}/*"]
  }

  dynamic "statement" {
    for_each = length(var.input_bucket_arns) > 0 ? [1] : []

    content {
      sid       = "ReadInputs"
      actions   = ["s3:GetObject"]
      resources = [for arn in var.input_bucket_arns : "${arn}/*"]
    }
  }

  statement {
    sid       = "AnnounceResults"
    actions   = ["sns:Publish"]
    resources = [var.notifications_topic_arn]
  }

  statement {
    sid       = "UseTheStacksKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}

# A prefix, as IAM's names are the same for all regions and end at 64 characters.
resource "aws_iam_role" "agent" {
  name_prefix        = "${substr("${local.queue_name}-agent", 0, 37)}-"
  description        = "Queue agent of runtime ${var.name} of ${var.stack_name}"
  assume_role_policy = data.aws_iam_policy_document.agent_trust.json
}

resource "aws_iam_role_policy" "agent" {
  name   = "agent"
  role   = aws_iam_role.agent.id
  policy = data.aws_iam_policy_document.agent.json
}
