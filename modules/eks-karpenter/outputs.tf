output "cluster_name" {
  description = "Name of the cluster, as soon as it is there. What is installed into it waits for ready."
  value       = aws_eks_cluster.this.name
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = aws_eks_cluster.this.arn
}

output "cluster_endpoint" {
  description = "URL of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "cluster_security_group_id" {
  description = "Security group of control plane and nodes."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "system_node_labels" {
  description = "Labels of the system nodes, for what is to run there."
  value       = local.system_node_label
}

output "node_role_name" {
  description = "Name of the role of the nodes that Karpenter adds, for EC2NodeClasses."
  value       = aws_iam_role.karpenter_nodes.name
}

output "node_role_arn" {
  description = "ARN of the role of the nodes that Karpenter adds."
  value       = aws_iam_role.karpenter_nodes.arn
}

output "karpenter_role_arn" {
  description = "ARN of Karpenter's own role."
  value       = aws_iam_role.pod["karpenter"].arn
}

output "interruption_queue_name" {
  description = "Name of the queue of interruptions, as in its metrics."
  value       = aws_sqs_queue.interruption.name
}

output "interruption_queue_arn" {
  description = "ARN of the queue of interruptions."
  value       = aws_sqs_queue.interruption.arn
}

output "application_log_group_name" {
  description = "Log group of the pods' logs; null without amazon-cloudwatch-observability."
  value       = try(aws_cloudwatch_log_group.insights["application"].name, null)
}

output "ready" {
  description = "Name of the cluster, once Karpenter runs in it. What uses this is destroyed before Karpenter's nodes are."
  value       = aws_eks_cluster.this.name

  depends_on = [terraform_data.drain]
}
