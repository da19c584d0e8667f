output "queue_url" {
  description = "URL of the task queue."
  value       = aws_sqs_queue.task.url

  # Empty until the topic delivers into it.
  depends_on = [aws_sns_topic_subscription.tasks]
}

output "queue_arn" {
  description = "ARN of the task queue."
  value       = aws_sqs_queue.task.arn
}

output "queue_name" {
  description = "Name of the task queue, as in its metrics."
  value       = aws_sqs_queue.task.name
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dead_letter.url
}

output "dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue."
  value       = aws_sqs_queue.dead_letter.arn
}

output "dead_letter_queue_name" {
  description = "Name of the dead-letter queue, as in its metrics."
  value       = aws_sqs_queue.dead_letter.name
}

output "role_arn" {
  description = "ARN of the queue agent's role."
  value       = aws_iam_role.agent.arn

  # Useless before it may do anything.
  depends_on = [aws_iam_role_policy.agent]
}

output "role_name" {
  description = "Name of the queue agent's role, to attach further policies to (model bucket, input buckets)."
  value       = aws_iam_role.agent.name
}

output "namespace" {
  description = "Namespace of the release; null without a cluster."
  value       = one(module.release[*].namespace)
}

output "instance_types" {
  description = "Instance types that its nodes may have; none where it makes no nodes."
  value       = try(local.own_values.nodes.create, true) ? distinct(flatten(local.pool_instance_types)) : []
}

output "intake" {
  description = "What the intake function has to know of it, for modules/api-fanout: only once tasks reach its queue, as SNS drops in silence what no subscription takes."
  value       = { type = var.type, model_filename = var.model_filename, dynamic_model = var.dynamic_model }

  depends_on = [terraform_data.reached]
}
