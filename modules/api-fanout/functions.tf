# ---------------------------------------------------------------------------------------------
# What the functions have in common: one zip, and a role that Lambda may assume
# ---------------------------------------------------------------------------------------------

locals {
  functions_hash = filebase64sha256(var.functions.package_path)

  # Names of the callers' keys, by the ids that API Gateway tells the functions.
  api_key_names = { for name, id in local.api_key_ids : id => name }
}

data "aws_iam_policy_document" "function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.lambda]
    }
  }
}

# Of a function: its log, and traces where there are any.
data "aws_iam_policy_document" "function" {
  for_each = local.function_log_groups

  statement {
    sid       = "WriteItsLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${each.value}:log-stream:*"]
  }

  dynamic "statement" {
    for_each = var.tracing_enabled ? [true] : []

    content {
      sid       = "SendTraces"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    }
  }
}

locals {
  function_log_groups = {
    intake  = aws_cloudwatch_log_group.intake.arn
    probe   = aws_cloudwatch_log_group.probe.arn
    reader  = aws_cloudwatch_log_group.reader.arn
    webhook = aws_cloudwatch_log_group.webhook.arn
  }

  function_roles = {
    intake  = aws_iam_role.intake.id
    probe   = aws_iam_role.probe.id
    reader  = aws_iam_role.reader.id
    webhook = aws_iam_role.webhook.id
  }
}

resource "aws_iam_role_policy" "function" {
  for_each = local.function_roles

  name   = "log"
  role   = each.value
  policy = data.aws_iam_policy_document.function[each.key].json
}
