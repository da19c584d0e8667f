# Credentials come from the environment: AWS_PROFILE, or whatever else the AWS SDKs look at.
provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ Stack = var.name, ManagedBy = "easel" }, var.tags)
  }
}
