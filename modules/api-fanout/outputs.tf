output "endpoint" {
  description = "URL that /v1alpha1, /v1alpha2 and /v1alpha2/tasks are appended to."
  value       = aws_api_gateway_stage.this.invoke_url

  # Useless before the key, where there is one, is allowed to use it.
  depends_on = [aws_api_gateway_usage_plan_key.this, aws_lambda_permission.api, aws_lambda_permission.api_reads]
}

output "rest_api_id" {
  description = "Id of the REST API."
  value       = aws_api_gateway_rest_api.this.id
}

output "stage_name" {
  description = "Name of the stage."
  value       = aws_api_gateway_stage.this.stage_name
}

output "stage_arn" {
  description = "ARN of the stage, to associate a web ACL with."
  value       = aws_api_gateway_stage.this.arn
}

output "authorization" {
  description = "How a request proves who sends it: API_KEY or AWS_IAM."
  value       = var.authorization
}

output "execution_arn" {
  description = "Resource of execute-api:Invoke in the policy of whoever may send tasks, ask for them and cancel them with AWS_IAM."
  value       = "arn:${local.partition}:execute-api:${local.region}:${var.account_id}:${aws_api_gateway_rest_api.this.id}/${aws_api_gateway_stage.this.stage_name}/*"
}

output "api_key_id" {
  description = "Id of the API key `default`, or of the first by name where there is no such one; not its value. Null with AWS_IAM."
  value       = local.first_api_key_id

  depends_on = [aws_api_gateway_usage_plan_key.this]
}

output "api_key_ids" {
  description = "Ids of all API keys, by their names: the tenants; not their values."
  value       = local.api_key_ids

  depends_on = [aws_api_gateway_usage_plan_key.this]
}

output "api_key_command" {
  description = "Command that prints the API key of `api_key_id`; with another id, another one. Null with AWS_IAM."
  value       = local.first_api_key_id == null ? null : "aws apigateway get-api-key --region ${local.region} --api-key ${local.first_api_key_id} --include-value --query value --output text"
}

output "tasks_topic_arn" {
  description = "ARN of the topic that tasks are published to."
  value       = aws_sns_topic.tasks.arn
}

output "notifications_topic_arn" {
  description = "ARN of the topic that results are published to; subscribe here."
  value       = aws_sns_topic.notifications.arn
}

output "output_bucket" {
  description = "Name of the output bucket."
  value       = aws_s3_bucket.output.id
}

output "output_bucket_arn" {
  description = "ARN of the output bucket."
  value       = aws_s3_bucket.output.arn
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts tasks, outputs and their logs."
  value       = aws_kms_key.this.arn
}

output "intake_function_name" {
  description = "Name of the intake function."
  value       = aws_lambda_function.intake.function_name
}

output "probe_function_name" {
  description = "Name of the function that publishes probes, as modules/runtime takes it."
  value       = aws_lambda_function.probe.function_name

  # Before that the topic takes none.
  depends_on = [aws_sns_topic_policy.tasks]
}

output "probe_role_arn" {
  description = "ARN of the probe function's execution role."
  value       = aws_iam_role.probe.arn
}

output "intake_role_arn" {
  description = "ARN of the intake function's execution role."
  value       = aws_iam_role.intake.arn
}

output "intake_log_group_name" {
  description = "Name of the intake function's log group."
  value       = aws_cloudwatch_log_group.intake.name
}

output "access_log_group_name" {
  description = "Name of the access log's log group."
  value       = aws_cloudwatch_log_group.access.name
}

output "reader_function_name" {
  description = "Name of the reader function."
  value       = aws_lambda_function.reader.function_name
}

output "reader_role_arn" {
  description = "ARN of the reader function's execution role."
  value       = aws_iam_role.reader.arn
}

output "presign_role_arn" {
  description = "ARN of the role that links to outputs are signed with."
  value       = aws_iam_role.presign.arn
}

output "records" {
  description = "The table of tasks' records, as modules/runtime takes it."
  value = {
    table_name     = aws_dynamodb_table.records.name
    table_arn      = aws_dynamodb_table.records.arn
    retention_days = var.task_retention_days
  }
}

output "watched" {
  description = "Names that modules/observability watches."
  value = {
    api                            = { name = aws_api_gateway_rest_api.this.name, stage_name = aws_api_gateway_stage.this.stage_name }
    functions                      = { intake = aws_lambda_function.intake.function_name }
    tasks_topic_name               = aws_sns_topic.tasks.name
    records_table_name             = aws_dynamodb_table.records.name
    webhook_dead_letter_queue_name = aws_sqs_queue.webhook_dead_letter.name
    log_group_names = {
      access  = aws_cloudwatch_log_group.access.name
      intake  = aws_cloudwatch_log_group.intake.name
      reader  = aws_cloudwatch_log_group.reader.name
      webhook = aws_cloudwatch_log_group.webhook.name
    }
  }
}

output "webhook_function_name" {
  description = "Name of the webhook function."
  value       = aws_lambda_function.webhook.function_name
}

output "webhook_role_arn" {
  description = "ARN of the webhook function's execution role."
  value       = aws_iam_role.webhook.arn
}

output "webhook_secret_arn" {
  description = "ARN of the secret that callbacks to URLs are signed with; its value is in Secrets Manager alone."
  value       = aws_secretsmanager_secret.webhook.arn

  # Empty before.
  depends_on = [terraform_data.webhook_secret]
}

output "webhook_queue_url" {
  description = "URL of the queue of callbacks that are to be sent."
  value       = aws_sqs_queue.webhook.url
}

output "webhook_dead_letter_queue_url" {
  description = "URL of the queue of callbacks that were given up."
  value       = aws_sqs_queue.webhook_dead_letter.url
}
