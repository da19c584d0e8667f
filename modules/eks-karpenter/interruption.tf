# ---------------------------------------------------------------------------------------------
# Interruptions: EC2 and Health events go to a queue, from which Karpenter drains nodes in time
# ---------------------------------------------------------------------------------------------

locals {
  interruption_queue_arn = "arn:${local.partition}:sqs:${local.region}:${var.account_id}:${var.name}"
  rule_arn_prefix        = "arn:${local.partition}:events:${local.region}:${var.account_id}:rule"

  interruption_events = {
    capacity-reservation = { source = "aws.ec2", detail_type = "EC2 Capacity Reservation Instance Interruption Warning" }
    health               = { source = "aws.health", detail_type = "AWS Health Event" }
    instance-state       = { source = "aws.ec2", detail_type = "EC2 Instance State-change Notification" }
    rebalance            = { source = "aws.ec2", detail_type = "EC2 Instance Rebalance Recommendation" }
    spot-interruption    = { source = "aws.ec2", detail_type = "EC2 Spot Instance Interruption Warning" }
  }
}

data "aws_iam_policy_document" "interruption_queue" {
  # Karpenter's template lets EventBridge send for anyone. Then a rule in any account could make
  # Karpenter drain our nodes, so both services are held to this account.
  statement {
    sid       = "EventRulesSend"
    actions   = ["sqs:SendMessage"]
    resources = [local.interruption_queue_arn]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.events]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for event in keys(local.interruption_events) : "${local.rule_arn_prefix}/${var.name}-${event}"]
    }
  }

  statement {
    sid       = "QueuesOfThisAccountSend"
    actions   = ["sqs:SendMessage"]
    resources = [local.interruption_queue_arn]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.sqs]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.interruption_queue_arn]

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

# Named as the cluster: Karpenter's documents look for it under this name. SQS's own key, as in
# Karpenter's template: the events hold instance ids, and a key of ours would have to be opened to
# EventBridge.
resource "aws_sqs_queue" "interruption" {
  name                      = var.name
  message_retention_seconds = 300
  sqs_managed_sse_enabled   = true
  policy                    = data.aws_iam_policy_document.interruption_queue.json
}

resource "aws_cloudwatch_event_rule" "interruption" {
  for_each = local.interruption_events

  name        = "${var.name}-${each.key}"
  description = "Tells Karpenter of cluster ${var.name}: ${each.value.detail_type}"

  event_pattern = jsonencode({
    source        = [each.value.source]
    "detail-type" = [each.value.detail_type]
  })
}

resource "aws_cloudwatch_event_target" "interruption" {
  for_each = local.interruption_events

  rule      = aws_cloudwatch_event_rule.interruption[each.key].name
  target_id = "KarpenterInterruptionQueueTarget"
  arn       = aws_sqs_queue.interruption.arn
}
