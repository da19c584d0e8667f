# ---------------------------------------------------------------------------------------------
# API keys, one a tenant, each with its limits; with AWS_IAM there are none, and stage.tf has the
# limits
# ---------------------------------------------------------------------------------------------

locals {
  api_keys = var.authorization == "API_KEY" ? var.api_keys : {}

  api_key_ids      = { for name, key in aws_api_gateway_api_key.this : name => key.id }
  first_api_key_id = length(local.api_key_ids) == 0 ? null : lookup(local.api_key_ids, "default", values(local.api_key_ids)[0])

  # The default key has the stack's name, as it had when it was the only one.
  api_key_titles = { for name in keys(local.api_keys) : name => name == "default" ? var.name : "${var.name}-${name}" }
}

resource "aws_api_gateway_api_key" "this" {
  for_each = local.api_keys

  name        = local.api_key_titles[each.key]
  description = "Sends tasks to ${var.name}"
}

resource "aws_api_gateway_usage_plan" "this" {
  for_each = local.api_keys

  name        = local.api_key_titles[each.key]
  description = "Limits of an API key of ${var.name}"

  api_stages {
    api_id = aws_api_gateway_rest_api.this.id
    stage  = aws_api_gateway_stage.this.stage_name
  }

  throttle_settings {
    rate_limit  = coalesce(each.value.rate_limit_per_second, var.throttle.rate_limit_per_second)
    burst_limit = coalesce(each.value.burst_limit, var.throttle.burst_limit)
  }

  dynamic "quota_settings" {
    for_each = each.value.requests_per_day[*]

    content {
      limit  = quota_settings.value
      period = "DAY"
    }
  }
}

resource "aws_api_gateway_usage_plan_key" "this" {
  for_each = local.api_keys

  usage_plan_id = aws_api_gateway_usage_plan.this[each.key].id
  key_id        = aws_api_gateway_api_key.this[each.key].id
  key_type      = "API_KEY"
}

moved {
  from = aws_api_gateway_api_key.this[0]
  to   = aws_api_gateway_api_key.this["default"]
}

moved {
  from = aws_api_gateway_usage_plan.this[0]
  to   = aws_api_gateway_usage_plan.this["default"]
}

moved {
  from = aws_api_gateway_usage_plan_key.this[0]
  to   = aws_api_gateway_usage_plan_key.this["default"]
}
