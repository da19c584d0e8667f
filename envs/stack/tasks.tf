# The way of a task: API, topics and bucket, and one module for each runtime.

locals {
  named_images = merge({ agent = var.agent_image }, { for name, runtime in var.runtimes : "runtime/${name}" => runtime.image })

  # What `easel mirror` has copied is pulled from its copy, by the digest that it has copied.
  copied_images = {
    for name, image in local.named_images : name => try(var.mirrored.images[join("", [
      image.repository,
      image.tag == null ? "" : ":${image.tag}",
      image.digest == null ? "" : "@${image.digest}",
    ])], null)
  }
  copied_charts = {
    for name, runtime in var.runtimes :
    name => try(var.mirrored.charts["${runtime.chart.repository}:${runtime.chart.version}"], null)
  }

  # A name without a registry's is one in this account's own ECR.
  images = {
    for name, image in local.named_images : name => image == null ? null : local.copied_images[name] != null ? {
      repository = "${local.registry}/${local.copied_images[name].repository}"
      tag        = null
      digest     = local.copied_images[name].digest
      } : merge(image, {
        repository = can(regex("^[^/]+[.:][^/]*/", image.repository)) ? image.repository : "${local.registry}/${image.repository}"
    })
  }

  # An OCI reference holds the chart's name; an HTTP repository does not.
  named_charts = { for name, runtime in var.runtimes : name => try(coalesce(local.copied_charts[name], runtime.chart), null) }
  charts = {
    for name, chart in local.named_charts : name => chart == null ? null : {
      reference  = startswith(chart.repository, "http") ? "sd-runtime" : chart.repository
      repository = startswith(chart.repository, "http") ? chart.repository : null
      version    = chart.version
    }
  }
}

module "api_fanout" {
  source = "../../modules/api-fanout"

  name            = var.name
  account_id      = local.account_id
  stage_name      = var.stage_name
  throttle        = var.throttle
  api_keys        = var.api_keys
  authorization   = var.authorization
  shared_tasks    = var.shared_tasks
  tenant_prefixes = var.tenant_prefixes
  task_publishers = var.task_publishers
  # Of the modules, not of var.runtimes: a runtime is known to the API from when tasks reach its queue.
  runtimes            = { for name, runtime in module.runtime : name => runtime.intake if var.runtimes[name].accepts_tasks }
  functions           = { package_path = var.functions_package_path }
  output_bucket       = var.output_bucket
  task_retention_days = var.task_retention_days
  webhook             = var.webhook
  log_retention_days  = var.log_retention_days
  tracing_enabled     = var.tracing_enabled
}

module "runtime" {
  source   = "../../modules/runtime"
  for_each = var.runtimes

  stack_name     = var.name
  name           = each.key
  type           = each.value.type
  model_filename = each.value.model_filename
  dynamic_model  = each.value.dynamic_model
  account_id     = local.account_id

  tasks_topic_arn         = module.api_fanout.tasks_topic_arn
  probe_function_name     = module.api_fanout.probe_function_name
  notifications_topic_arn = module.api_fanout.notifications_topic_arn
  output_bucket_arn       = module.api_fanout.output_bucket_arn
  kms_key_arn             = module.api_fanout.kms_key_arn
  input_bucket_arns       = var.input_bucket_arns
  input_kms_key_arns      = var.input_kms_key_arns
  queue                   = each.value.queue
  records                 = module.api_fanout.records
  price                   = each.value.price

  cluster = {
    name           = module.eks_karpenter.cluster_name
    node_role_name = module.eks_karpenter.node_role_name
    # The module's own network is found by its tags; a network of others has none.
    subnet_ids         = var.existing_vpc == null ? null : local.network.subnet_ids
    security_group_ids = var.existing_vpc == null ? null : [module.eks_karpenter.cluster_security_group_id]
    endpoint_cidrs     = local.network.endpoint_cidrs
  }
  cluster_id = module.eks_karpenter.cluster_endpoint
  ready      = [module.eks_karpenter.ready, module.keda.ready]
  namespace  = each.value.namespace
  chart      = local.charts[each.key]
  images     = { runtime = local.images["runtime/${each.key}"], agent = local.images["agent"] }
  agent      = each.value.agent
  scaling    = each.value.scaling
  nodes      = each.value.nodes
  models = {
    bucket_arn  = local.model_bucket_arn
    prefix      = each.value.model_prefix
    kms_key_arn = var.model_kms_key_arn
  }
  extra_values_yaml       = each.value.values_file == null ? "" : file("${path.root}/${each.value.values_file}")
  release_timeout_seconds = each.value.release_timeout_seconds
}
