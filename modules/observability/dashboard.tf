# ---------------------------------------------------------------------------------------------
# Dashboard: is it well? Figures at the top, reasons below. The form of a body is
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
# ---------------------------------------------------------------------------------------------

locals {
  # A figure is a widget of one number in the first row; the last period counts.
  figures = [
    { title = "Tasks accepted, 1 h", unit = "", metrics = local.series.accepted_per_hour },
    { title = "Tasks failed, 1 h", unit = "", metrics = local.series.failed_per_hour },
    { title = "Oldest task", unit = "s", metrics = local.series.oldest_of_all },
    { title = "Tasks waiting", unit = "", metrics = local.series.waiting_of_all },
    { title = "End to end p95", unit = "s", metrics = local.series.end_to_end_of_all },
    { title = "GPU cost, 1 h", unit = "", metrics = local.series.cost_per_hour },
  ]

  graphs = concat(
    [
      { title = "Requests by minute", unit = "Count", stacked = false, metrics = local.series.requests },
      { title = "API latency", unit = "ms", stacked = false, metrics = local.series.latency },
      { title = "Age of the oldest task", unit = "s", stacked = false, metrics = local.series.oldest },
      { title = "Tasks waiting, and in work", unit = "Count", stacked = true, metrics = local.series.depth },
      { title = "Acceptance to callback", unit = "s", stacked = false, metrics = local.series.end_to_end },
      { title = "Where the time goes, mean", unit = "s", stacked = true, metrics = local.series.phases },
      { title = "Tasks that ended", unit = "Count", stacked = true, metrics = local.series.ended },
      { title = "GPU busy", unit = "%", stacked = false, metrics = local.series.busy },
    ],
    local.cluster_graphs,
    [
      { title = "GPU cost by hour", unit = "currency", stacked = true, metrics = local.series.cost_by_hour },
      { title = "GPU cost of 1,000 pictures", unit = "currency", stacked = false, metrics = local.series.cost_of_pictures },
    ],
  )
  cluster_graphs = [
    for graph in [
      { shown = local.has_insights, title = "Nodes and pods", unit = "Count", stacked = false, metrics = local.cluster_series.nodes },
      { shown = local.has_cluster, title = "GPU vCPUs of the account, by capacity type", unit = "vCPU", stacked = true, metrics = local.cluster_series.capacity },
      { shown = local.has_cluster, title = "Spot interruptions", unit = "Count", stacked = false, metrics = local.cluster_series.interruptions },
      { shown = local.has_gpu_metrics, title = "GPU load", unit = "%", stacked = false, metrics = local.cluster_series.gpu_load },
    ] : graph if graph.shown
  ]

  # Those that speak; the others are in a composite alarm.
  speaking_alarms = concat(
    keys(local.composite_alarms),
    [for key, alarm in local.metric_alarms : key if alarm.speaks],
  )

  widgets = concat(
    [
      {
        type       = "alarm", x = 0, y = 0, width = 24, height = 3
        properties = { title = "Alarms", alarms = [for key in local.speaking_alarms : "${local.alarm_arn_prefix}${key}"] }
      },
    ],
    [
      for index, figure in local.figures : {
        type = "metric", x = index * 4, y = 3, width = 4, height = 4
        properties = {
          title                = join(", ", compact([figure.title, figure.unit]))
          view                 = "singleValue"
          region               = local.region
          period               = 300
          setPeriodToTimeRange = false
          metrics              = figure.metrics
        }
      }
    ],
    [
      for index, graph in local.graphs : {
        type = "metric", x = (index % 2) * 12, y = 7 + floor(index / 2) * 6, width = 12, height = 6
        properties = {
          title   = graph.title
          view    = "timeSeries"
          stacked = graph.stacked
          region  = local.region
          period  = 300
          yAxis   = { left = { min = 0, label = graph.unit, showUnits = false } }
          metrics = graph.metrics
        }
      }
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ start = "-PT3H", periodOverride = "inherit", widgets = local.widgets })
}
