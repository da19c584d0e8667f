# ---------------------------------------------------------------------------------------------
# Budget of everything that bears the stack's tag. The tag counts once it is activated as a cost
# allocation tag. AWS China has Budgets, too, in CNY:
# https://docs.amazonaws.cn/en_us/aws/latest/userguide/billing-and-payment.html
# ---------------------------------------------------------------------------------------------

resource "aws_budgets_budget" "this" {
  count = var.budget == null ? 0 : 1

  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.budget.amount_per_month)
  limit_unit   = var.budget.currency
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [join("$", ["user:Stack", var.name])]
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type         = notification.key
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.operations.arn]
    }
  }

  depends_on = [aws_sns_topic_policy.operations]
}
