# The way in: REST API -> intake function -> tasks topic, and the way out: output bucket and
# notifications topic. The runtimes' queues subscribe to the tasks topic in ../runtime.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Service principals keep this form in every partition, except CloudWatch Logs, which has one for
  # each region and takes the partition's suffix.
  service_principals = {
    apigateway = "apigateway.amazonaws.com"
    lambda     = "lambda.amazonaws.com"
    logs       = "logs.${local.region}.${data.aws_partition.current.dns_suffix}"
    sns        = "sns.amazonaws.com"
  }

  account_principal = "arn:${local.partition}:iam::${var.account_id}:root"

  log_group_names = {
    access = "/aws/apigateway/${var.name}/access"
    intake = "/aws/lambda/${var.name}-intake"
  }
}
