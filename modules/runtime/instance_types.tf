# ---------------------------------------------------------------------------------------------
# Whether the runtime's pods fit on its nodes, as charts/sd-runtime/templates/_instance-types.tpl
# looks at it, but when planning: Karpenter starts no node for a type that does not fit, and says so
# in an event alone.
# ---------------------------------------------------------------------------------------------

locals {
  chart_values = yamldecode(file("${path.module}/../../charts/sd-runtime/values.yaml"))
  own_values   = try(yamldecode(var.extra_values_yaml), null)

  # By type. What the chart's table does not know yet, a user describes.
  instance_types = merge(flatten([[
    for family, known in jsondecode(file("${path.module}/../../charts/sd-runtime/instance-types.json")).families : {
      for size, has in known.sizes : "${family}.${size}" => merge(has, { architecture = known.architecture })
    }
  ], [try(local.own_values.nodes.moreInstanceTypes, {})]])...)

  chosen_instance_types = try(
    local.own_values.nodes.instanceTypes,
    coalesce(var.nodes.instance_types, local.chart_values.nodes.instanceTypes),
  )
  pool_instance_types = [
    for pool in try(local.own_values.nodes.pools, local.chart_values.nodes.pools) :
    try(pool.instanceTypes, local.chosen_instance_types)
  ]

  pod_gpus = try(local.own_values.runtime.gpus, local.chart_values.runtime.gpus)

  bytes = {
    "" = 1, k = 1e3, K = 1e3, M = 1e6, G = 1e9, T = 1e12
    Ki = 1024, Mi = pow(1024, 2), Gi = pow(1024, 3), Ti = pow(1024, 4)
  }
  # Of what lasts on a node: the pod's containers, and the Mountpoint pod, which must find room beside.
  resources = merge(
    {
      runtime = { chart = local.chart_values.runtime.resources, own = try(local.own_values.runtime.resources, null) }
      agent   = { chart = local.chart_values.agent.resources, own = try(local.own_values.agent.resources, null) }
    },
    try(local.own_values.models.source, "s3") != "s3" ? {} : {
      mountpoint = { chart = local.chart_values.models.s3.resources, own = try(local.own_values.models.s3.resources, null) }
    },
  )
  # Laid over the chart's as Helm does it: null takes a default away.
  memory = [for one in local.resources : {
    for bound in ["requests", "limits"] :
    bound => try(one.own[bound] == null ? null : one.own[bound].memory, one.chart[bound].memory, null)
  }]
  pod_memory = {
    # A container without a request asks for its limit.
    requests = [for one in local.memory : one.requests == null ? one.limits : one.requests]
    limits   = local.memory[*].limits
  }
  pod_mebibytes = { for bound, sizes in local.pod_memory : bound => sum([
    for size in [for size in sizes : regex("^([0-9.]+)([A-Za-z]*)$", size == null ? "0" : size)] :
    ceil(size[0] * local.bytes[size[1]] / pow(1024, 2))
  ]) }

  instance_type_problems = try(local.own_values.nodes.create, true) ? compact([
    for type in distinct(flatten(local.pool_instance_types)) : (
      !contains(keys(local.instance_types), type)
      ? "${type} is unknown: correct its name, or describe it in nodes.moreInstanceTypes of the chart's values"
      : local.instance_types[type].architecture != "amd64"
      ? "${type} is ${local.instance_types[type].architecture}, and the images are for amd64: choose a type such as g5.xlarge"
      : local.instance_types[type].gpus < local.pod_gpus
      ? "${type} has ${local.instance_types[type].gpus} whole NVIDIA GPUs, and a pod needs ${local.pod_gpus}: choose a type such as ${local.pod_gpus > 1 ? "g5.12xlarge (4)" : "g5.xlarge"}, or lower runtime.gpus"
      : local.instance_types[type].memoryMi < local.pod_mebibytes.requests
      ? "${type} leaves ${local.instance_types[type].memoryMi} MiB to pods, and a pod with its Mountpoint pod asks for ${local.pod_mebibytes.requests} MiB: choose a larger type, or lower runtime.resources.requests.memory"
      : local.instance_types[type].memoryMi < local.pod_mebibytes.limits
      ? "${type} leaves ${local.instance_types[type].memoryMi} MiB to pods, and a pod with its Mountpoint pod may take ${local.pod_mebibytes.limits} MiB: the kernel would kill one of them when they do. Choose a larger type, or lower runtime.resources.limits.memory"
      : ""
    )
  ]) : []
}
