# ---------------------------------------------------------------------------------------------
# Probe function: publishes probes, by which modules/runtime finds out whether tasks reach a new
# queue (docs/adr/0043). It is told no runtimes: it is there before the intake function is.
# ---------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "probe" {
  name              = local.log_group_names.probe
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_lambda_function" "probe" {
  #checkov:skip=CKV_AWS_116:Called synchronously: the caller sees a failure, so there is nothing for a dead-letter queue
  #checkov:skip=CKV_AWS_117:Speaks to SNS only; a VPC would add endpoints and slow cold starts, and protect nothing
  #checkov:skip=CKV_AWS_272:Code signing needs a signing profile of the user's own; the zip's hash is pinned by the plan
  #checkov:skip=CKV_AWS_115:An apply calls it, once in some seconds; reserved executions would be taken from the account's pool for good
  function_name    = "${var.name}-probe"
  description      = "Publishes probes to the tasks topic while a runtime is made"
  role             = aws_iam_role.probe.arn
  filename         = var.functions.package_path
  source_code_hash = local.functions_hash
  handler          = "easel_probe.handler.handler"
  runtime          = var.functions.runtime
  architectures    = [var.functions.architecture]
  memory_size      = 512
  timeout          = 30
  kms_key_arn      = aws_kms_key.this.arn

  environment {
    variables = {
      EASEL_TASKS_TOPIC_ARN = aws_sns_topic.tasks.arn
      EASEL_LOG_LEVEL       = var.functions.log_level
    }
  }

  tracing_config {
    mode = var.tracing_enabled ? "Active" : "PassThrough"
  }

  # Its first lines must find the log group and the right to write to it.
  depends_on = [aws_iam_role_policy.probe, aws_iam_role_policy.function]
}

data "aws_iam_policy_document" "probe" {
  statement {
    sid       = "PublishProbes"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.tasks.arn]
  }

  # Decrypt also opens the function's own environment.
  statement {
    sid       = "EncryptProbes"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role" "probe" {
  name               = "${var.name}-${local.region}-probe"
  description        = "Execution role of the probe function of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

resource "aws_iam_role_policy" "probe" {
  name   = "probe"
  role   = aws_iam_role.probe.id
  policy = data.aws_iam_policy_document.probe.json
}
