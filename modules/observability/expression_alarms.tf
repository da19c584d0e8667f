# ---------------------------------------------------------------------------------------------
# Alarms over more than one metric
# ---------------------------------------------------------------------------------------------

locals {
  throttling_alarm = {
    throttling = {
      # FILL: a service that throttles nothing has no data.
      expression = "FILL(function, 0) + FILL(reads, 0) + FILL(writes, 0)"
      metrics = {
        function = { namespace = "AWS/Lambda", name = "Throttles", dimensions = { FunctionName = var.functions.intake }, statistic = "Sum" }
        reads    = { namespace = "AWS/DynamoDB", name = "ReadThrottleEvents", dimensions = { TableName = var.records_table_name }, statistic = "Sum" }
        writes   = { namespace = "AWS/DynamoDB", name = "WriteThrottleEvents", dimensions = { TableName = var.records_table_name }, statistic = "Sum" }
      }
      periods = 1
      label   = "calls that AWS throttled"
      text    = "AWS throttled the intake function or the table of records in the last 5 minutes."
    }
  }

  # Waited all the time, and nothing was finished: an agent deletes the message of a task that ended.
  progress_alarms = {
    for name, runtime in var.runtimes : "${name}-no-progress" => {
      section    = "no-progress"
      expression = "IF(waiting > 0 AND FILL(done, 0) == 0, 1, 0)"
      metrics = {
        waiting = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = runtime.queue_name }, statistic = "Minimum" }
        done    = { namespace = "AWS/SQS", name = "NumberOfMessagesDeleted", dimensions = { QueueName = runtime.queue_name }, statistic = "Sum" }
      }
      periods = var.thresholds.no_progress_minutes * 60 / local.period_seconds
      label   = "tasks wait and none ends"
      text    = "Tasks of runtime ${name} wait, and none has ended for ${var.thresholds.no_progress_minutes} minutes."
    }
  }

  expression_alarms = merge(local.throttling_alarm, local.progress_alarms)
}

resource "aws_cloudwatch_metric_alarm" "expression" {
  for_each = local.expression_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text} Runbook: ${local.runbooks[each.key]}"
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "result"
    expression  = each.value.expression
    label       = each.value.label
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        period      = local.period_seconds
        stat        = metric_query.value.statistic
      }
    }
  }
}
