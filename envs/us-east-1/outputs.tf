output "endpoint" {
  description = "URL that /v1alpha1 and /v1alpha2 are appended to."
  value       = module.api_fanout.endpoint
}

output "authorization" {
  description = "How requests prove who sends them: API_KEY or AWS_IAM."
  value       = var.authorization
}

output "api_key_id" {
  description = "Id of the API key; not its value. Null with AWS_IAM."
  value       = module.api_fanout.api_key_id
}

output "api_key_command" {
  description = "Command that prints the API key. Null with AWS_IAM."
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

output "model_bucket" {
  description = "Name of the model bucket; it is yours, and no part of the stack."
  value       = element(split(":", local.model_bucket_arn), 5)
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
