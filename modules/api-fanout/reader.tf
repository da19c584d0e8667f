# ---------------------------------------------------------------------------------------------
# Reader function: tells of tasks and runtimes, cancels tasks
# ---------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "reader" {
  name              = local.log_group_names.reader
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_lambda_function" "reader" {
  #checkov:skip=CKV_AWS_116:Called synchronously: the caller sees a failure, so there is nothing for a dead-letter queue
  #checkov:skip=CKV_AWS_117:Speaks to DynamoDB, SNS and STS only; a VPC would add endpoints and slow cold starts, and protect nothing
  #checkov:skip=CKV_AWS_272:Code signing needs a signing profile of the user's own; the zip's hash is pinned by the plan
  #checkov:skip=CKV_AWS_115:It shares the account's pool of executions, and the API's throttle bounds it
  function_name    = "${var.name}-reader"
  description      = "Tells of tasks and runtimes, and cancels tasks"
  role             = aws_iam_role.reader.arn
  filename         = var.functions.package_path
  source_code_hash = local.functions_hash
  handler          = "easel_reader.handler.handler"
  runtime          = var.functions.runtime
  architectures    = [var.functions.architecture]
  memory_size      = 1024
  timeout          = 15
  kms_key_arn      = aws_kms_key.this.arn

  environment {
    variables = {
      EASEL_RECORDS_TABLE           = aws_dynamodb_table.records.name
      EASEL_OUTPUT_BUCKET           = aws_s3_bucket.output.id
      EASEL_NOTIFICATIONS_TOPIC_ARN = aws_sns_topic.notifications.arn
      EASEL_PRESIGN_ROLE_ARN        = aws_iam_role.presign.arn
      EASEL_SHARED_TASKS            = tostring(var.shared_tasks)
      EASEL_API_KEYS                = jsonencode(local.api_key_names)
      EASEL_RUNTIMES                = jsonencode(var.runtimes)
      EASEL_LOG_LEVEL               = var.functions.log_level
      # Older SDKs than today's ask the one in us-east-1 for the credentials that sign links.
      AWS_STS_REGIONAL_ENDPOINTS = "regional"
    }
  }

  tracing_config {
    mode = var.tracing_enabled ? "Active" : "PassThrough"
  }

  # Its first lines must find the log group and the right to write to it.
  depends_on = [aws_iam_role_policy.reader, aws_iam_role_policy.function]
}

resource "aws_lambda_permission" "api_reads" {
  statement_id   = "ApiInvokes"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.reader.function_name
  principal      = local.service_principals.apigateway
  source_account = var.account_id
  source_arn     = "${aws_api_gateway_rest_api.this.execution_arn}/*/*/v1alpha2/*"
}

# ---------------------------------------------------------------------------------------------
# Its role
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "reader" {
  # Update cancels.
  statement {
    sid       = "ReadAndCancelTasks"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.records.arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = [local.record_keys.tasks]
    }
  }

  statement {
    sid       = "ListTasks"
    actions   = ["dynamodb:Query"]
    resources = ["${aws_dynamodb_table.records.arn}/index/*"]
  }

  statement {
    sid       = "AnnounceCancellations"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notifications.arn]
  }

  statement {
    sid       = "SignLinks"
    actions   = ["sts:AssumeRole"]
    resources = [aws_iam_role.presign.arn]
  }

  # For the records, the notifications topic and the function's own environment.
  statement {
    sid       = "UseTheStacksKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role" "reader" {
  name               = "${var.name}-${local.region}-reader"
  description        = "Execution role of the reader function of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

resource "aws_iam_role_policy" "reader" {
  name   = "reader"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.reader.json
}

# ---------------------------------------------------------------------------------------------
# The role that links to outputs are signed with: whoever has a link may do what the role may
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "presign_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.reader.arn]
    }
  }
}

data "aws_iam_policy_document" "presign" {
  statement {
    sid       = "ReadOutputs"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.output.arn}/*"]
  }

  statement {
    sid       = "NeverReadPayloads"
    effect    = "Deny"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.output.arn}/_easel/*"]
  }

  statement {
    sid       = "DecryptOutputs"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_role" "presign" {
  name        = "${var.name}-${local.region}-presign"
  description = "Signs links to the outputs of ${var.name}"
  # Of a session that another role begins AWS allows no more: no link lives longer.
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.presign_trust.json
}

resource "aws_iam_role_policy" "presign" {
  name   = "presign"
  role   = aws_iam_role.presign.id
  policy = data.aws_iam_policy_document.presign.json
}
