# ---------------------------------------------------------------------------------------------
# Execution role of the intake function
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "intake_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.lambda]
    }
  }
}

data "aws_iam_policy_document" "intake" {
  statement {
    sid       = "PublishTasks"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.tasks.arn]
  }

  statement {
    sid       = "StoreLargePayloads"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.output.arn}/${local.payload_prefix}*"]
  }

  # Decrypt also opens the function's own environment.
  statement {
    sid       = "EncryptTasksAndPayloads"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "WriteItsLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.intake.arn}:log-stream:*"]
  }

  dynamic "statement" {
    for_each = var.tracing_enabled ? [true] : []

    content {
      sid       = "SendTraces"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "intake" {
  name               = "${var.name}-${local.region}-intake"
  description        = "Execution role of the intake function of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.intake_trust.json
}

resource "aws_iam_role_policy" "intake" {
  name   = "intake"
  role   = aws_iam_role.intake.id
  policy = data.aws_iam_policy_document.intake.json
}
