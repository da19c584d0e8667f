# Whoever uses one of these waits until the release is installed.

output "name" {
  description = "Name of the release, once it is installed."
  value       = var.name
  depends_on  = [terraform_data.upgrade]
}

output "namespace" {
  description = "Namespace of the release, once it is installed."
  value       = var.namespace
  depends_on  = [terraform_data.upgrade]
}
