# ---------------------------------------------------------------------------------------------
# Webhook function: POSTs the callbacks of tasks that name a callback URL
# ---------------------------------------------------------------------------------------------

locals {
  # As lambda/easel_webhook/schedule.py has it; a test keeps them alike.
  webhook_max_receive_count = 16

  webhook_timeout_seconds        = 30
  webhook_queue_name             = "${var.name}-webhook"
  webhook_dead_letter_queue_name = "${local.webhook_queue_name}-dead-letter"
  queue_arn_prefix               = "arn:${local.partition}:sqs:${local.region}:${var.account_id}"
}

resource "aws_cloudwatch_log_group" "webhook" {
  name              = local.log_group_names.webhook
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_lambda_function" "webhook" {
  #checkov:skip=CKV_AWS_116:Its queue has a dead-letter queue, which the function fills itself as well
  #checkov:skip=CKV_AWS_117:It must reach receivers on the Internet, and reaches nothing else: it refuses every address that is not public
  #checkov:skip=CKV_AWS_272:Code signing needs a signing profile of the user's own; the zip's hash is pinned by the plan
  #checkov:skip=CKV_AWS_115:The event source mapping bounds its executions
  function_name    = "${var.name}-webhook"
  description      = "Sends callbacks to the URLs that tasks name"
  role             = aws_iam_role.webhook.arn
  filename         = var.functions.package_path
  source_code_hash = local.functions_hash
  handler          = "easel_webhook.handler.handler"
  runtime          = var.functions.runtime
  architectures    = [var.functions.architecture]
  memory_size      = 512
  timeout          = local.webhook_timeout_seconds
  kms_key_arn      = aws_kms_key.this.arn

  environment {
    variables = {
      EASEL_WEBHOOK_SECRET_ARN            = aws_secretsmanager_secret.webhook.arn
      EASEL_WEBHOOK_QUEUE_URL             = aws_sqs_queue.webhook.url
      EASEL_WEBHOOK_DEAD_LETTER_QUEUE_URL = aws_sqs_queue.webhook_dead_letter.url
      EASEL_CALLBACK_HOSTS                = jsonencode(var.webhook.allowed_hosts)
      EASEL_CALLBACK_PRIVATE_HOSTS        = jsonencode(var.webhook.private_hosts)
      EASEL_LOG_LEVEL                     = var.functions.log_level
    }
  }

  tracing_config {
    mode = var.tracing_enabled ? "Active" : "PassThrough"
  }

  # Its first lines must find the log group and the right to write to it.
  depends_on = [aws_iam_role_policy.webhook, aws_iam_role_policy.function]
}

# ---------------------------------------------------------------------------------------------
# From the notifications topic to the function: a queue, for retries that last a day
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "webhook_queue" {
  for_each = {
    webhook     = "${local.queue_arn_prefix}:${local.webhook_queue_name}"
    dead_letter = "${local.queue_arn_prefix}:${local.webhook_dead_letter_queue_name}"
  }

  # Into the dead-letter queue SNS puts what it could not deliver.
  statement {
    sid       = "NotificationsTopicSends"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.sns]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.notifications_topic_arn]
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

resource "aws_sqs_queue" "webhook_dead_letter" {
  name                      = local.webhook_dead_letter_queue_name
  message_retention_seconds = 1209600
  kms_master_key_id         = aws_kms_key.this.arn
  policy                    = data.aws_iam_policy_document.webhook_queue["dead_letter"].json

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["${local.queue_arn_prefix}:${local.webhook_queue_name}"]
  })
}

resource "aws_sqs_queue" "webhook" {
  name = local.webhook_queue_name
  # Six times the function's time-out: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  visibility_timeout_seconds = 6 * local.webhook_timeout_seconds
  # The schedule of retries takes a day.
  message_retention_seconds = 172800
  kms_master_key_id         = aws_kms_key.this.arn
  policy                    = data.aws_iam_policy_document.webhook_queue["webhook"].json

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.webhook_dead_letter.arn
    maxReceiveCount     = local.webhook_max_receive_count
  })
}

resource "aws_sns_topic_subscription" "webhook" {
  topic_arn            = aws_sns_topic.notifications.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.webhook.arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ callback_url = [{ exists = true }] })

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.webhook_dead_letter.arn })
}

resource "aws_lambda_event_source_mapping" "webhook" {
  event_source_arn        = aws_sqs_queue.webhook.arn
  function_name           = aws_lambda_function.webhook.function_name
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 20
  }
}

# ---------------------------------------------------------------------------------------------
# The secret that callbacks are signed with: `easel-deploy webhook secret` makes it and writes it to Secrets
# Manager; plan and state never see it
# ---------------------------------------------------------------------------------------------

resource "aws_secretsmanager_secret" "webhook" {
  #checkov:skip=CKV2_AWS_57:Receivers must learn a new secret first, so a person rotates it: webhook.secret_version
  name_prefix = "${var.name}-webhook-"
  description = "Signs the callbacks that ${var.name} sends to URLs (Standard Webhooks)"
  kms_key_id  = aws_kms_key.this.arn
}

# A higher version makes a new secret; the one before stays valid as AWSPREVIOUS. Not an ephemeral
# aws_secretsmanager_random_password: that one asks AWS at every plan.
resource "terraform_data" "webhook_secret" {
  triggers_replace = [aws_secretsmanager_secret.webhook.arn, var.webhook.secret_version]

  provisioner "local-exec" {
    interpreter = ["${path.module}/../helm-release/easel-deploy"]
    command     = "webhook secret"
    environment = {
      EASEL_WEBHOOK_SECRET = jsonencode({
        secret_arn = aws_secretsmanager_secret.webhook.arn
        region     = local.region
        version    = var.webhook.secret_version
      })
    }
  }
}

# ---------------------------------------------------------------------------------------------
# Its role
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "webhook" {
  statement {
    sid = "WorkItsQueue"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.webhook.arn]
  }

  statement {
    sid       = "GiveUpCallbacks"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.webhook_dead_letter.arn]
  }

  statement {
    sid       = "ReadItsSecret"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.webhook.arn]
  }

  # For the secret, the queues and the function's own environment.
  statement {
    sid       = "UseTheStacksKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role" "webhook" {
  name               = "${var.name}-${local.region}-webhook"
  description        = "Execution role of the webhook function of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

resource "aws_iam_role_policy" "webhook" {
  name   = "webhook"
  role   = aws_iam_role.webhook.id
  policy = data.aws_iam_policy_document.webhook.json
}
