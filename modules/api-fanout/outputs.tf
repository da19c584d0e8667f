output "endpoint" {
  description = "URL that /v1alpha1 and /v1alpha2 are appended to."
  value       = aws_api_gateway_stage.this.invoke_url

  # Useless before the key, where there is one, is allowed to use it.
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

output "authorization" {
  description = "How a request proves who sends it: API_KEY or AWS_IAM."
  value       = var.authorization
}

output "execution_arn" {
  description = "Resource of execute-api:Invoke in the policy of whoever may send tasks with AWS_IAM: POST to either version."
  value       = "arn:${local.partition}:execute-api:${local.region}:${var.account_id}:${aws_api_gateway_rest_api.this.id}/${aws_api_gateway_stage.this.stage_name}/POST/*"
}

output "api_key_id" {
  description = "Id of the API key; not its value. Null with AWS_IAM."
  value       = one(aws_api_gateway_api_key.this[*].id)

  depends_on = [aws_api_gateway_usage_plan_key.this]
}

output "api_key_command" {
  description = "Command that prints the API key. Null with AWS_IAM."
  value = one([
    for key in aws_api_gateway_api_key.this :
    "aws apigateway get-api-key --region ${local.region} --api-key ${key.id} --include-value --query value --output text"
  ])
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
