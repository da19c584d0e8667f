# ---------------------------------------------------------------------------------------------
# Tasks topic: the intake function publishes, each runtime's queue subscribes with a filter. Every
# message has its tenant for a message group: by that SQS's fair queues keep the flood of one tenant
# from delaying the tasks of the others, with no setting of topic or queue.
# Whoever is named in task_publishers, and has sns:Publish in his IAM policy, may publish as well.
# ---------------------------------------------------------------------------------------------

resource "aws_sns_topic" "tasks" {
  name              = local.tasks_topic_name
  kms_master_key_id = aws_kms_key.this.arn
  signature_version = 2
}

data "aws_iam_policy_document" "tasks_topic" {
  statement {
    sid       = "IntakePublishes"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.tasks.arn]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.intake.arn]
    }
  }

  # The function publishes nothing but probes.
  statement {
    sid       = "ProbesArePublished"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.tasks.arn]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.probe.arn]
    }
  }

  # Else every administrator, and every service's role that may publish anywhere, could send tasks
  # in a tenant's name. A principal without an ARN is none of these.
  statement {
    sid       = "DenyOtherPublishers"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.tasks.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = concat([aws_iam_role.intake.arn, aws_iam_role.probe.arn], var.task_publishers)
    }
  }

  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.tasks.arn]

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

resource "aws_sns_topic_policy" "tasks" {
  arn    = aws_sns_topic.tasks.arn
  policy = data.aws_iam_policy_document.tasks_topic.json
}

# ---------------------------------------------------------------------------------------------
# Notifications topic: the queue agents publish results, users subscribe
# ---------------------------------------------------------------------------------------------

resource "aws_sns_topic" "notifications" {
  name              = local.notifications_topic_name
  kms_master_key_id = aws_kms_key.this.arn
  signature_version = 2
}

data "aws_iam_policy_document" "notifications_topic" {
  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notifications.arn]

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

resource "aws_sns_topic_policy" "notifications" {
  arn    = aws_sns_topic.notifications.arn
  policy = data.aws_iam_policy_document.notifications_topic.json
}
