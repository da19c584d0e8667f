output "endpoint" {
  description = "URL that /v1alpha1, /v1alpha2 and /v1alpha2/tasks are appended to, on the emulator."
  value       = "${var.aws_endpoint_url}/_aws/execute-api/${module.api_fanout.rest_api_id}/${module.api_fanout.stage_name}"
}

output "aws_endpoint_url" {
  description = "The emulator's URL, for AWS_ENDPOINT_URL."
  value       = var.aws_endpoint_url
}

output "aws_credentials_file" {
  description = "File with the emulator's access key, for AWS_SHARED_CREDENTIALS_FILE."
  value       = var.aws_credentials_file
}

output "region" {
  description = "Region of the stack."
  value       = "us-east-1"
}

output "authorization" {
  description = "How a request proves who sends it."
  value       = module.api_fanout.authorization
}

output "api_key_id" {
  description = "Id of the API key; not its value."
  value       = module.api_fanout.api_key_id
}

output "api_key_ids" {
  description = "Ids of all API keys by name; not their values."
  value       = module.api_fanout.api_key_ids
}

output "api_key_command" {
  description = "Command that prints the API key."
  value       = "${module.api_fanout.api_key_command} --endpoint-url ${var.aws_endpoint_url}"
}

output "output_bucket" {
  description = "Name of the output bucket."
  value       = module.api_fanout.output_bucket
}

output "records_table" {
  description = "Name of the DynamoDB table with the tasks' records."
  value       = module.api_fanout.records.table_name
}

output "webhook_secret_arn" {
  description = "ARN of the secret that callbacks to URLs are signed with."
  value       = module.api_fanout.webhook_secret_arn
}

output "webhook_queue_url" {
  description = "URL of the queue of callbacks that are to be sent."
  value       = module.api_fanout.webhook_queue_url
}

output "webhook_dead_letter_queue_url" {
  description = "URL of the queue of callbacks that were given up."
  value       = module.api_fanout.webhook_dead_letter_queue_url
}

output "webhook_function_name" {
  description = "Name of the webhook function."
  value       = module.api_fanout.webhook_function_name
}

output "tasks_topic_arn" {
  description = "ARN of the topic that tasks are published to."
  value       = module.api_fanout.tasks_topic_arn
}

output "notifications_topic_arn" {
  description = "ARN of the topic that results are published to."
  value       = module.api_fanout.notifications_topic_arn
}

output "intake_function_name" {
  description = "Name of the intake function."
  value       = module.api_fanout.intake_function_name
}

output "intake_log_group_name" {
  description = "Name of the intake function's log group."
  value       = module.api_fanout.intake_log_group_name
}

output "runtimes" {
  description = "Runtimes by name: what each is and where its tasks wait."
  value = {
    for name, runtime in var.runtimes : name => {
      type                  = runtime.type
      model_filename        = runtime.model_filename
      dynamic_model         = runtime.dynamic_model
      queue_url             = module.runtime[name].queue_url
      dead_letter_queue_url = module.runtime[name].dead_letter_queue_url
      role_arn              = module.runtime[name].role_arn
    }
  }
}
