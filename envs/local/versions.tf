terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # The path is given to `terraform init`: the checkout stays clean.
  backend "local" {}
}
