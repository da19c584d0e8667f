# ---------------------------------------------------------------------------------------------
# Composite alarms: where one cause rings many, one speaks
# ---------------------------------------------------------------------------------------------

locals {
  composite_alarms = merge(
    {
      intake = {
        any_of  = ["intake-errors", "api-errors", "throttling"]
        none_of = []
        text    = "Requests are refused or fail for want of the stack, not of the sender."
      }
    },
    {
      # Without a node every runtime waits: pods-cannot-start speaks for all of them.
      for name, runtime in var.runtimes : "${name}-stuck" => {
        any_of  = ["${name}-oldest-task", "${name}-no-progress"]
        none_of = keys(local.cluster_alarms)
        section = "stuck"
        text    = "Tasks of runtime ${name} are not done, or not in time."
      }
    },
  )

  # The section of docs/alarms.md that says what to look at and what to do.
  runbooks = {
    for key, alarm in merge(local.metric_alarms, local.expression_alarms, local.composite_alarms) :
    key => "${var.runbook}#${try(alarm.section, key)}"
  }

  alarm_resources = merge(aws_cloudwatch_metric_alarm.metric, aws_cloudwatch_metric_alarm.expression)
}

resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = local.composite_alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.text} Runbook: ${local.runbooks[each.key]}"
  alarm_rule = join(" AND ", concat(
    ["(${join(" OR ", [for name in each.value.any_of : "ALARM(\"${local.alarm_resources[name].alarm_name}\")"])})"],
    [for name in each.value.none_of : "NOT ALARM(\"${local.alarm_resources[name].alarm_name}\")"],
  ))

  alarm_actions = [aws_sns_topic.operations.arn]
  ok_actions    = [aws_sns_topic.operations.arn]
}
