output "operations_topic_arn" {
  description = "ARN of the topic that alarms and the budget publish to; subscribe here."
  value       = aws_sns_topic.operations.arn
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "alarm_names" {
  description = "Names of all alarms, the composite ones included."
  value = concat(
    [for alarm in values(local.alarm_resources) : alarm.alarm_name],
    [for alarm in values(aws_cloudwatch_composite_alarm.this) : alarm.alarm_name],
  )
}
