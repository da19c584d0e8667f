# ---------------------------------------------------------------------------------------------
# Execution role of the intake function
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "intake" {
  # Delete takes back the record of a task that could not be published.
  statement {
    sid       = "RecordTasks"
    actions   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.records.arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = [local.record_keys.tasks, local.record_keys.idempotency]
    }
  }

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

  # Decrypt also opens the function's own environment, and the records.
  statement {
    sid       = "EncryptTasksAndPayloads"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role" "intake" {
  name               = "${var.name}-${local.region}-intake"
  description        = "Execution role of the intake function of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

resource "aws_iam_role_policy" "intake" {
  name   = "intake"
  role   = aws_iam_role.intake.id
  policy = data.aws_iam_policy_document.intake.json
}
