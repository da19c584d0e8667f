output "endpoint" {
  description = "URL that /v1alpha1 and /v1alpha2 are appended to."
  value       = aws_api_gateway_stage.this.invoke_url

  # Useless before the key is allowed to use it.
  depends_on = [aws_api_gateway_usage_plan_key.this, aws_lambda_permission.api]
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

output "api_key_id" {
  description = "Id of the API key; not its value."
  value       = aws_api_gateway_api_key.this.id

  depends_on = [aws_api_gateway_usage_plan_key.this]
}

output "api_key_command" {
  description = "Command that prints the API key."
  value       = "aws apigateway get-api-key --region ${local.region} --api-key ${aws_api_gateway_api_key.this.id} --include-value --query value --output text"
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
