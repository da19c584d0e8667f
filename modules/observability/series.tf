# ---------------------------------------------------------------------------------------------
# What the dashboard shows, as the metrics of its widgets: [namespace, metric, dimension, value, ...,
# settings] or [expression]. A runtime's metrics are there once for each runtime: sums and maxima of
# them are metric math, percentiles cannot be added up.
# ---------------------------------------------------------------------------------------------

locals {
  runtime_names = sort(keys(var.runtimes))
  number_of     = { for index, name in local.runtime_names : name => index }

  # Of one metric of easel's own, for each runtime: hidden, for an expression over all of them.
  parts = {
    for key, part in {
      accepted = { metric = "TasksAccepted", stat = "Sum" }
      failed   = { metric = "TasksFailed", stat = "Sum" }
      latency  = { metric = "EndToEnd", stat = "p95" }
      cost     = { metric = "Cost", stat = "Sum" }
      pictures = { metric = "Pictures", stat = "Sum" }
      } : key => [
      for name in local.runtime_names : [
        local.own_namespace, part.metric, "Stack", var.name, "Runtime", name,
        { id = "${key}${local.number_of[name]}", stat = part.stat, visible = false, period = 3600 },
      ]
    ]
  }
  queue_parts = {
    for key, metric in { oldest = "ApproximateAgeOfOldestMessage", waiting = "ApproximateNumberOfMessagesVisible" } : key => [
      for name in local.runtime_names : [
        "AWS/SQS", metric, "QueueName", var.runtimes[name].queue_name,
        { id = "${key}${local.number_of[name]}", stat = "Maximum", visible = false },
      ]
    ]
  }
  all_of = { for key, parts in merge(local.parts, local.queue_parts) : key => [for part in parts : try(part[6].id, part[4].id)] }

  of_runtimes = {
    for key, one in {
      end_to_end_p50 = { metric = "EndToEnd", stat = "p50", label = "p50" }
      end_to_end_p95 = { metric = "EndToEnd", stat = "p95", label = "p95" }
      end_to_end_p99 = { metric = "EndToEnd", stat = "p99", label = "p99" }
      queue_wait     = { metric = "QueueWait", stat = "Average", label = "waiting" }
      input_fetch    = { metric = "InputFetch", stat = "Average", label = "inputs" }
      inference      = { metric = "Inference", stat = "Average", label = "inference" }
      upload         = { metric = "Upload", stat = "Average", label = "upload" }
      announce       = { metric = "Announce", stat = "Average", label = "announce" }
      ended          = { metric = "TasksEnded", stat = "Sum", label = "ended" }
      failed         = { metric = "TasksFailed", stat = "Sum", label = "failed" }
      cancelled      = { metric = "TasksCancelled", stat = "Sum", label = "cancelled" }
      retries        = { metric = "TaskRetries", stat = "Sum", label = "retries" }
      dead_lettered  = { metric = "TasksDeadLettered", stat = "Sum", label = "dead letters" }
      busy           = { metric = "GpuBusy", stat = "Average", label = "busy" }
      } : key => [
      for name in local.runtime_names : [
        local.own_namespace, one.metric, "Stack", var.name, "Runtime", name,
        { stat = one.stat, label = "${name} ${one.label}" },
      ]
    ]
  }

  series = {
    accepted_per_hour = concat([[{ expression = "SUM([${join(", ", local.all_of.accepted)}])", label = "accepted" }]], local.parts.accepted)
    failed_per_hour   = concat([[{ expression = "SUM([${join(", ", local.all_of.failed)}])", label = "failed" }]], local.parts.failed)
    oldest_of_all     = concat([[{ expression = "MAX([${join(", ", local.all_of.oldest)}])", label = "seconds" }]], local.queue_parts.oldest)
    waiting_of_all    = concat([[{ expression = "SUM([${join(", ", local.all_of.waiting)}])", label = "waiting" }]], local.queue_parts.waiting)
    # The worst runtime's.
    end_to_end_of_all = concat([[{ expression = "MAX([${join(", ", local.all_of.latency)}])", label = "seconds" }]], local.parts.latency)
    cost_per_hour     = concat([[{ expression = "SUM([${join(", ", local.all_of.cost)}])", label = "cost" }]], local.parts.cost)

    requests = concat(
      [
        for metric in ["Count", "4XXError", "5XXError"] :
        ["AWS/ApiGateway", metric, "ApiName", var.api.name, "Stage", var.api.stage_name, { stat = "Sum", period = 60, label = metric }]
      ],
      [
        ["AWS/Lambda", "Errors", "FunctionName", var.functions.intake, { stat = "Sum", period = 60, label = "intake errors" }],
        ["AWS/Lambda", "Throttles", "FunctionName", var.functions.intake, { stat = "Sum", period = 60, label = "intake throttled" }],
        [local.own_namespace, "RequestsRejected", "Stack", var.name, { stat = "Sum", period = 60, label = "rejected" }],
      ],
    )
    latency = concat(
      [
        for stat in ["p50", "p95", "p99"] :
        ["AWS/ApiGateway", "Latency", "ApiName", var.api.name, "Stage", var.api.stage_name, { stat = stat, label = stat }]
      ],
      [["AWS/Lambda", "Duration", "FunctionName", var.functions.intake, { stat = "p95", label = "intake p95" }]],
    )
    oldest = [
      for name in local.runtime_names :
      ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.runtimes[name].queue_name, { stat = "Maximum", label = name }]
    ]
    depth = concat(
      [
        for name in local.runtime_names :
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.runtimes[name].queue_name, { stat = "Maximum", label = "${name} waiting" }]
      ],
      [
        for name in local.runtime_names :
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", var.runtimes[name].queue_name, { stat = "Maximum", label = "${name} in work" }]
      ],
    )
    end_to_end = concat(local.of_runtimes.end_to_end_p50, local.of_runtimes.end_to_end_p95, local.of_runtimes.end_to_end_p99)
    phases     = concat(local.of_runtimes.queue_wait, local.of_runtimes.input_fetch, local.of_runtimes.inference, local.of_runtimes.upload, local.of_runtimes.announce)
    ended      = concat(local.of_runtimes.ended, local.of_runtimes.failed, local.of_runtimes.cancelled, local.of_runtimes.retries, local.of_runtimes.dead_lettered)
    busy       = local.of_runtimes.busy

    cost_by_hour = [
      for name in local.runtime_names :
      [local.own_namespace, "Cost", "Stack", var.name, "Runtime", name, { stat = "Sum", period = 3600, label = name }]
    ]
    cost_of_pictures = concat(
      [
        for name in local.runtime_names : [{
          expression = "1000 * cost${local.number_of[name]} / pictures${local.number_of[name]}"
          label      = name
        }]
      ],
      local.parts.cost,
      local.parts.pictures,
    )
  }
}
