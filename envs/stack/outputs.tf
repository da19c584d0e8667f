output "endpoint" {
  description = "URL that /v1alpha1, /v1alpha2 and /v1alpha2/tasks are appended to."
  value       = module.api_fanout.endpoint
}

output "authorization" {
  description = "How requests prove who sends them: API_KEY or AWS_IAM."
  value       = var.authorization
}

output "api_key_id" {
  description = "Id of the API key `default`; not its value. Null with AWS_IAM."
  value       = module.api_fanout.api_key_id
}

output "api_key_ids" {
  description = "Ids of all API keys by name; not their values."
  value       = module.api_fanout.api_key_ids
}

output "api_key_command" {
  description = "Command that prints the API key `default`. Null with AWS_IAM."
  value       = module.api_fanout.api_key_command
}

output "kubeconfig_command" {
  description = "Command that makes kubectl reach the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${module.eks_karpenter.cluster_name}"
}

output "notifications_topic_arn" {
  description = "ARN of the topic that results are published to: subscribe to it."
  value       = module.api_fanout.notifications_topic_arn
}

output "tasks_topic_arn" {
  description = "ARN of the topic that tasks are published to."
  value       = module.api_fanout.tasks_topic_arn
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

output "model_bucket" {
  description = "Name of the model bucket: yours, or the stack's own (model_bucket). A destroy keeps either."
  value       = element(split(":", local.model_bucket_arn), 5)

  precondition {
    condition     = element(split(":", local.model_bucket_arn), 1) == local.partition
    error_message = "model_bucket_arn is of the partition ${element(split(":", local.model_bucket_arn), 1)}, and ${var.region} is in ${local.partition}: AWS and AWS China have buckets of their own, which the other's stacks cannot read. Copy the models into a bucket in ${var.region} (easel models upload)."
  }
}

output "region" {
  description = "Region of the stack."
  value       = var.region
}

output "cluster_name" {
  description = "Name of the EKS cluster."
  value       = module.eks_karpenter.cluster_name
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = local.network.vpc_id
}

output "registry" {
  description = "This account's ECR, where images without a registry's name are."
  value       = local.registry
}

output "operations_topic_arn" {
  description = "ARN of the topic that alarms and the budget publish to: subscribe to it."
  value       = module.observability.operations_topic_arn
}

output "dashboard_name" {
  description = "Name of the dashboard in CloudWatch."
  value       = module.observability.dashboard_name
}

output "execution_arn" {
  description = "ARN of the API's stage: what an IAM policy that lets somebody call it (execute-api:Invoke) names."
  value       = module.api_fanout.execution_arn
}

output "rest_api_id" {
  description = "Id of the REST API."
  value       = module.api_fanout.rest_api_id
}

output "intake_function_name" {
  description = "Name of the intake function."
  value       = module.api_fanout.intake_function_name
}

output "roles" {
  description = "ARNs of the roles of pods and nodes."
  value = {
    karpenter = module.eks_karpenter.karpenter_role_arn
    nodes     = module.eks_karpenter.node_role_arn
    keda      = module.keda.role_arn
  }
}

output "interruption_queue_name" {
  description = "Name of the queue that tells Karpenter of Spot interruptions."
  value       = module.eks_karpenter.interruption_queue_name
}

output "runtimes" {
  description = "Runtimes by name: what each is, where its tasks wait and where its pods run."

  precondition {
    condition     = length(local.runtimes_without_nodes) == 0
    error_message = "EC2 offers none of these in ${var.region}, and no node would ever come: ${join("; ", [for name in local.runtimes_without_nodes : "${join(", ", local.types_not_offered[name])} (runtime ${name})"])}. Name others in nodes.instance_types; what there is: aws ec2 describe-instance-type-offerings --region ${var.region} --filters Name=instance-type,Values=g*"
  }

  value = {
    for name, runtime in var.runtimes : name => {
      type                  = runtime.type
      model_filename        = runtime.model_filename
      dynamic_model         = runtime.dynamic_model
      namespace             = module.runtime[name].namespace
      queue_url             = module.runtime[name].queue_url
      dead_letter_queue_url = module.runtime[name].dead_letter_queue_url
      role_arn              = module.runtime[name].role_arn
    }
  }
}
