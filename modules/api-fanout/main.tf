# The way in: REST API -> intake function -> records and tasks topic; the way out: output bucket and
# notifications topic -> webhook function; and the questions in between: reader function -> records.
# The runtimes' queues subscribe to the tasks topic in ../runtime.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Service principals keep this form in every partition, except CloudWatch Logs, which has one for
  # each region and takes the partition's suffix.
  service_principals = {
    apigateway = "apigateway.amazonaws.com"
    budgets    = "budgets.amazonaws.com"
    cloudwatch = "cloudwatch.amazonaws.com"
    lambda     = "lambda.amazonaws.com"
    logs       = "logs.${local.region}.${data.aws_partition.current.dns_suffix}"
    sns        = "sns.amazonaws.com"
  }

  account_principal    = "arn:${local.partition}:iam::${var.account_id}:root"
  tasks_topic_name     = "${var.name}-tasks"
  topic_arn_prefix     = "arn:${local.partition}:sns:${local.region}:${var.account_id}"
  log_group_arn_prefix = "arn:${local.partition}:logs:${local.region}:${var.account_id}:log-group"

  # Written out: the topics are encrypted with the key whose policy names them.
  tasks_topic_arn          = "${local.topic_arn_prefix}:${local.tasks_topic_name}"
  notifications_topic_arn  = "${local.topic_arn_prefix}:${local.notifications_topic_name}"
  notifications_topic_name = "${var.name}-notifications"

  log_group_names = {
    access = "/aws/apigateway/${var.name}/access"
    # AWS gives these their names, and would make them without encryption or retention.
    execution = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/${var.stage_name}"
    intake    = "/aws/lambda/${var.name}-intake"
    probe     = "/aws/lambda/${var.name}-probe"
    reader    = "/aws/lambda/${var.name}-reader"
    webhook   = "/aws/lambda/${var.name}-webhook"
  }
}
