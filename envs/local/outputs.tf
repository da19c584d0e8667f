output "endpoint" {
  description = "URL that /v1alpha1 and /v1alpha2 are appended to, on the emulator."
  value       = "${var.aws_endpoint_url}/_aws/execute-api/${module.api_fanout.rest_api_id}/${module.api_fanout.stage_name}"
}

output "aws_endpoint_url" {
  description = "The emulator's URL, for AWS_ENDPOINT_URL."
  value       = var.aws_endpoint_url
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

output "api_key_command" {
  description = "Command that prints the API key."
  value       = "${module.api_fanout.api_key_command} --endpoint-url ${var.aws_endpoint_url}"
}

output "output_bucket" {
  description = "Name of the output bucket."
  value       = module.api_fanout.output_bucket
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
