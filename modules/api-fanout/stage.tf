# ---------------------------------------------------------------------------------------------
# Stage: logs, metrics, traces
# ---------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "access" {
  name              = local.log_group_names.access
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

# What API Gateway writes about failures of its own.
resource "aws_cloudwatch_log_group" "execution" {
  name              = local.log_group_names.execution
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_api_gateway_stage" "this" {
  #checkov:skip=CKV_AWS_73:On unless tracing_enabled is false, as in AWS China, where Lambda has no X-Ray
  #checkov:skip=CKV_AWS_120:Every request is a task of its own; a cached answer would lose it
  #checkov:skip=CKV2_AWS_51:Clients authenticate with an API key or a signature; the integration is AWS-internal, where client certificates do not apply
  #checkov:skip=CKV2_AWS_29:A web ACL has a monthly price and rules of the user's own; associate one with the stage's ARN
  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = var.stage_name
  xray_tracing_enabled = var.tracing_enabled

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # Who sent it: the key's id, never its value, or the ARN that signed. No header and no body.
    format = jsonencode({
      requestId          = "$context.requestId"
      requestTimeEpoch   = "$context.requestTimeEpoch"
      httpMethod         = "$context.httpMethod"
      resourcePath       = "$context.resourcePath"
      status             = "$context.status"
      errorResponseType  = "$context.error.responseType"
      responseLatency    = "$context.responseLatency"
      integrationLatency = "$context.integrationLatency"
      integrationError   = "$context.integration.error"
      responseLength     = "$context.responseLength"
      apiKeyId           = "$context.identity.apiKeyId"
      userArn            = "$context.identity.userArn"
      sourceIp           = "$context.identity.sourceIp"
      xrayTraceId        = "$context.xrayTraceId"
    })
  }

  # Without the account's role API Gateway refuses a stage that has an access log; without the log
  # group it makes one of its own.
  depends_on = [aws_api_gateway_account.this, aws_cloudwatch_log_group.execution]
}

resource "aws_api_gateway_method_settings" "all" {
  #checkov:skip=CKV_AWS_225:Every request is a task of its own; a cached answer would lose it
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled = true
    logging_level   = "ERROR"
    # A data trace would write bodies and the x-api-key header to the log.
    data_trace_enabled = false

    # A signature has no usage plan; -1 is no limit of the stage's own.
    throttling_rate_limit  = var.authorization == "AWS_IAM" ? var.throttle.rate_limit_per_second : -1
    throttling_burst_limit = var.authorization == "AWS_IAM" ? var.throttle.burst_limit : -1
  }
}

# ---------------------------------------------------------------------------------------------
# API Gateway's right to write logs: one role for all APIs of the account in this region
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "api_logs_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.apigateway]
    }
  }
}

resource "aws_iam_role" "api_logs" {
  name               = "${var.name}-${local.region}-api-logs"
  description        = "Lets API Gateway write its logs"
  assume_role_policy = data.aws_iam_policy_document.api_logs_trust.json
}

# API Gateway refuses a role with less than this policy, which AWS keeps for the purpose.
resource "aws_iam_role_policy_attachment" "api_logs" {
  role       = aws_iam_role.api_logs.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

# The last stack applied in the region sets it. It is not reset on destroy: that would end the logs
# of every other API that relies on it. So would deleting the role: `make destroy` leaves a role that
# the setting names, and the next apply takes it over (deploy/easel_deploy/environments/retained_log_role.py).
resource "aws_api_gateway_account" "this" {
  cloudwatch_role_arn = aws_iam_role.api_logs.arn

  depends_on = [aws_iam_role_policy_attachment.api_logs]
}
