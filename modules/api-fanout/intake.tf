# ---------------------------------------------------------------------------------------------
# Intake function: validates a request, records and publishes the task
# ---------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "intake" {
  name              = local.log_group_names.intake
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_lambda_function" "intake" {
  #checkov:skip=CKV_AWS_116:Called synchronously: the caller sees a failure, so there is nothing for a dead-letter queue
  #checkov:skip=CKV_AWS_117:Speaks to DynamoDB, SNS and S3 only; a VPC would add endpoints and slow cold starts, and protect nothing
  #checkov:skip=CKV_AWS_272:Code signing needs a signing profile of the user's own; the zip's hash is pinned by the plan
  function_name                  = "${var.name}-intake"
  description                    = "Validates a request and publishes its task"
  role                           = aws_iam_role.intake.arn
  filename                       = var.functions.package_path
  source_code_hash               = local.functions_hash
  handler                        = "easel_intake.handler.handler"
  runtime                        = var.functions.runtime
  architectures                  = [var.functions.architecture]
  memory_size                    = var.intake.memory_mb
  timeout                        = var.intake.timeout_seconds
  reserved_concurrent_executions = coalesce(var.intake.reserved_concurrency, -1)
  kms_key_arn                    = aws_kms_key.this.arn

  environment {
    variables = {
      EASEL_TASKS_TOPIC_ARN     = aws_sns_topic.tasks.arn
      EASEL_OUTPUT_BUCKET       = aws_s3_bucket.output.id
      EASEL_RECORDS_TABLE       = aws_dynamodb_table.records.name
      EASEL_TASK_RETENTION_DAYS = tostring(var.task_retention_days)
      EASEL_SHARED_TASKS        = tostring(var.shared_tasks)
      EASEL_API_KEYS            = jsonencode(local.api_key_names)
      EASEL_TENANT_PREFIXES     = tostring(var.tenant_prefixes)
      EASEL_CALLBACK_HOSTS      = jsonencode(var.webhook.allowed_hosts)
      EASEL_RUNTIMES            = jsonencode(var.runtimes)
      EASEL_LOG_LEVEL           = var.functions.log_level
    }
  }

  tracing_config {
    mode = var.tracing_enabled ? "Active" : "PassThrough"
  }

  # Its first lines must find the log group and the right to write to it.
  depends_on = [aws_iam_role_policy.intake, aws_iam_role_policy.function]
}

resource "aws_lambda_permission" "api" {
  statement_id   = "ApiInvokes"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.intake.function_name
  principal      = local.service_principals.apigateway
  source_account = var.account_id
  source_arn     = "${aws_api_gateway_rest_api.this.execution_arn}/*/POST/*"
}
