# ---------------------------------------------------------------------------------------------
# Alarms. What is well has no data or no error: missing data is no alarm anywhere. Metrics of AWS by
# their names in AWS's documentation, which tests/plan/aws_metrics.py lists with their pages.
# Where a composite alarm speaks for several (composite_alarms.tf), they do not speak themselves.
# ---------------------------------------------------------------------------------------------

locals {
  period_seconds = 300

  # What of one metric an alarm looks at.
  api_alarms = {
    intake-errors = {
      metric    = { namespace = "AWS/Lambda", name = "Errors", dimensions = { FunctionName = var.functions.intake } }
      statistic = "Sum"
      threshold = var.thresholds.errors
      periods   = 1
      speaks    = false
      text      = "The intake function ended in an error ${var.thresholds.errors} times or more in 5 minutes: senders got 5xx."
    }
    api-errors = {
      metric    = { namespace = "AWS/ApiGateway", name = "5XXError", dimensions = { ApiName = var.api.name, Stage = var.api.stage_name } }
      statistic = "Sum"
      threshold = var.thresholds.errors
      periods   = 1
      speaks    = false
      text      = "The API answered 5xx ${var.thresholds.errors} times or more in 5 minutes."
    }
    tasks-not-delivered = {
      metric    = { namespace = "AWS/SNS", name = "NumberOfNotificationsFailed", dimensions = { TopicName = var.tasks_topic_name } }
      statistic = "Sum"
      threshold = 1
      periods   = 1
      speaks    = true
      text      = "SNS could not deliver tasks to a runtime's queue."
    }
    callbacks-given-up = {
      metric    = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = var.webhook_dead_letter_queue_name } }
      statistic = "Maximum"
      threshold = 1
      periods   = 1
      speaks    = true
      text      = "Callbacks to URLs were given up."
    }
  }

  runtime_alarms = merge([
    for name, runtime in var.runtimes : {
      "${name}-oldest-task" = {
        section   = "oldest-task"
        metric    = { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = runtime.queue_name } }
        statistic = "Maximum"
        threshold = var.thresholds.oldest_task_seconds
        periods   = 2
        speaks    = false
        text      = "The oldest task of runtime ${name} has waited ${var.thresholds.oldest_task_seconds} s or more, for 10 minutes."
      }
      "${name}-dead-letters" = {
        section   = "dead-letters"
        metric    = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = runtime.dead_letter_queue_name } }
        statistic = "Maximum"
        threshold = 1
        periods   = 1
        speaks    = true
        text      = "Tasks of runtime ${name} were given up."
      }
    }
  ]...)

  # A pod whose image is pulled or whose containers start is pending, too.
  cluster_alarms = {
    for name in ["pods-cannot-start"] : name => {
      metric    = { namespace = "ContainerInsights", name = "pod_status_pending", dimensions = { ClusterName = local.cluster_name } }
      statistic = "Maximum"
      threshold = 1
      periods   = var.thresholds.pending_pods_minutes * 60 / local.period_seconds
      speaks    = true
      text      = "Pods have been pending for ${var.thresholds.pending_pods_minutes} minutes: no node, no image, or containers that do not start."
    } if local.has_insights
  }

  metric_alarms = merge(local.api_alarms, local.runtime_alarms, local.cluster_alarms)
}

resource "aws_cloudwatch_metric_alarm" "metric" {
  for_each = local.metric_alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.text} Runbook: ${local.runbooks[each.key]}"

  namespace           = each.value.metric.namespace
  metric_name         = each.value.metric.name
  dimensions          = each.value.metric.dimensions
  statistic           = each.value.statistic
  period              = local.period_seconds
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"

  alarm_actions = each.value.speaks ? [aws_sns_topic.operations.arn] : []
  ok_actions    = each.value.speaks ? [aws_sns_topic.operations.arn] : []
}
