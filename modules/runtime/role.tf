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
    # The session's tags, as EKS sets them: no other pod's session may have this role.
    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/eks-cluster-arn"
      values   = ["arn:${local.partition}:eks:${local.region}:${var.account_id}:cluster/${try(var.cluster.name, "*")}"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [local.namespace]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [var.name]
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

  # Put adds the record of a task that was published by hand. No right to read: what an update
  # finds, it returns.
  statement {
    sid       = "RecordTasks"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [var.records.table_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = local.record_keys
    }
  }

  # What no later try would mend is put there by the agent, after its sender was told.
  statement {
    sid       = "DeadLetterHopelessTasks"
    actions   = ["sqs:SendMessage"]
    resources = [local.dead_letter_queue_arn]
  }

  # Get covers content too large for SNS, and s3:// URLs of earlier outputs: those of the task's own
  # tenant, which the agent sees to, as one role serves all tenants (docs/adr/0033). Abort cleans up
  # after an upload in parts that failed. A task chooses its prefix: a runtime has none of its own.
  statement {
    sid       = "StoreOutputs"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.output_bucket_arn}/*"]
  }

  # What easel keeps for itself is no agent's to change; payloads are all that an agent reads there.
  statement {
    sid       = "NeverChangeWhatIsEasels"
    effect    = "Deny"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.output_bucket_arn}/${local.own_prefix}*"]
  }

  dynamic "statement" {
    for_each = length(var.input_bucket_arns) > 0 ? [1] : []

    content {
      sid       = "ReadInputs"
      actions   = ["s3:GetObject"]
      resources = [for arn in var.input_bucket_arns : "${arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.input_kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "DecryptInputs"
      actions   = ["kms:Decrypt"]
      resources = var.input_kms_key_arns
    }
  }

  # Mountpoint lists the bucket, and reads with the pod's role.
  dynamic "statement" {
    for_each = local.models[*]

    content {
      sid       = "ListModels"
      actions   = ["s3:ListBucket"]
      resources = [statement.value.bucket_arn]

      dynamic "condition" {
        for_each = statement.value.prefix[*]

        content {
          test     = "StringLike"
          variable = "s3:prefix"
          values   = ["${condition.value}/*"]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = local.models[*]

    content {
      sid       = "ReadModels"
      actions   = ["s3:GetObject"]
      resources = [join("/", compact([statement.value.bucket_arn, statement.value.prefix, "*"]))]
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

  dynamic "statement" {
    for_each = try(local.models.kms_key_arn, null)[*]

    content {
      sid       = "DecryptModels"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
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
