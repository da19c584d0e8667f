# ---------------------------------------------------------------------------------------------
# Saved queries, in the console under Logs Insights in a folder of the stack's name
# ---------------------------------------------------------------------------------------------

locals {
  queries = merge(
    {
      requests-refused = {
        log_groups = [var.log_group_names.access]
        query      = <<-QUERY
          fields @timestamp, status, errorResponseType, apiKeyId, userArn, integrationError
          | filter status >= 400
          | stats count() as requests by status, errorResponseType, apiKeyId
          | sort requests desc
        QUERY
      }
      functions-errors = {
        log_groups = [var.log_group_names.intake, var.log_group_names.reader, var.log_group_names.webhook]
        query      = <<-QUERY
          fields @timestamp, @log, @message
          | filter @message like /(?i)(error|traceback|task timed out)/
          | sort @timestamp desc
          | limit 200
        QUERY
      }
    },
    # Fluent Bit puts a container's line into the field log; an agent's line is JSON.
    {
      for name, query in {
        a-tasks-way      = <<-QUERY
          fields @timestamp, kubernetes.pod_name, log
          | filter log like /PUT-THE-TASKS-ID-OR-UID-HERE/
          | sort @timestamp asc
          | limit 500
        QUERY
        agents-problems  = <<-QUERY
          fields @timestamp, kubernetes.pod_name, log
          | filter kubernetes.container_name = "queue-agent"
          | filter log like /"level": ?"(WARNING|ERROR|CRITICAL)"/
          | sort @timestamp desc
          | limit 200
        QUERY
        runtimes-last    = <<-QUERY
          fields @timestamp, kubernetes.pod_name, log
          | filter kubernetes.container_name = "runtime"
          | sort @timestamp desc
          | limit 500
        QUERY
        karpenters-nodes = <<-QUERY
          fields @timestamp, log
          | filter kubernetes.container_name = "controller" and kubernetes.pod_name like /karpenter/
          | filter log like /nodeclaim|interruption|InsufficientInstanceCapacity|error/
          | sort @timestamp desc
          | limit 200
        QUERY
      } : name => { log_groups = [var.cluster.application_log_group], query = query } if local.has_insights
    },
  )
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "${var.name}/${each.key}"
  log_group_names = each.value.log_groups
  query_string    = each.value.query
}
