# terraform_data is built in: no provider is needed.
terraform {
  required_version = ">= 1.10"
}
