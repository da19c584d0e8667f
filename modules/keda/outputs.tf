output "role_arn" {
  description = "ARN of the operator's role."
  value       = aws_iam_role.operator.arn

  # Useless before it may do anything.
  depends_on = [aws_iam_role_policy.operator]
}

output "namespace" {
  description = "Namespace of the release."
  value       = local.namespace
}

output "service_account_name" {
  description = "Service account of the operator."
  value       = local.service_account_name
}

output "ready" {
  description = "The release's name, once it is installed. What has ScaledObjects must come after it, and be destroyed before it: their finalizers are KEDA's to remove."
  value       = module.release.name

  depends_on = [aws_eks_pod_identity_association.operator, aws_iam_role_policy.operator]
}
