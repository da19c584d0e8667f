# ---------------------------------------------------------------------------------------------
# Values of charts/sd-runtime. What is null here is left to the chart's defaults.
# ---------------------------------------------------------------------------------------------

locals {
  given = { for section, settings in {
    runtime = {
      modelFilename = var.model_filename
      image         = local.images.runtime
      pricePerHour  = try(var.price.per_hour, null)
      currency      = try(var.price.currency, null)
    }
    agent = {
      image    = local.images.agent
      settings = local.agent_settings
    }
    scaling = {
      queueLength     = var.scaling.queue_length
      minReplicaCount = var.scaling.min_replica_count
      maxReplicaCount = var.scaling.max_replica_count
      cooldownPeriod  = var.scaling.cooldown_seconds
    }
    nodes = {
      instanceTypes       = var.nodes.instance_types
      capacityTypes       = var.nodes.capacity_types
      amiAlias            = var.nodes.ami_alias
      instanceStorePolicy = var.nodes.instance_store_policy
      # The provider puts its tags on what it makes itself, not on what Karpenter makes.
      tags = length(data.aws_default_tags.this.tags) > 0 ? data.aws_default_tags.this.tags : null
    }
    data_volume = {
      volumeSize = var.nodes.data_volume_gib == null ? null : "${var.nodes.data_volume_gib}Gi"
      snapshotID = var.nodes.snapshot_id

      volumeInitializationRate = var.nodes.volume_initialization_rate
    }
    models_s3 = {
      prefix = try(var.models.prefix, null)
    }
    rollout = {
      progressDeadlineSeconds = var.release_timeout_seconds
    }
    network_policy = {
      endpointCidrs = try(var.cluster.endpoint_cidrs, null)
    }
  } : section => { for name, value in settings : name => value if value != null } }

  images = {
    for container, image in var.images : container => image == null ? null : {
      for name, value in image : name => value if value != null
    }
  }

  # By id where the environment names them, by the tag karpenter.sh/discovery otherwise. No try()
  # here: what it is given is unknown as a whole while an id in it is.
  selector_ids = var.cluster == null ? {} : {
    subnetSelectorTerms        = var.cluster.subnet_ids
    securityGroupSelectorTerms = var.cluster.security_group_ids
  }
  selector_terms = { for name, ids in local.selector_ids : name => [for id in ids : { id = id }] if ids != null }

  values = {
    aws = { region = local.region }
    queue = {
      url           = aws_sqs_queue.task.url
      deadLetterUrl = aws_sqs_queue.dead_letter.url
    }
    records = {
      table         = var.records.table_name
      retentionDays = var.records.retention_days
    }
    notificationsTopicArn = var.notifications_topic_arn
    outputBucket          = element(split(":", var.output_bucket_arn), 5)
    runtime = merge(
      { name = var.name, type = var.type, dynamicModel = var.dynamic_model },
      local.given.runtime,
    )
    agent   = local.given.agent
    scaling = local.given.scaling
    nodes = merge(local.given.nodes, local.selector_terms, {
      clusterName = try(var.cluster.name, "")
      role        = try(var.cluster.node_role_name, "")
      imageCache  = coalesce(var.nodes.image_cache, var.nodes.snapshot_id == null ? "none" : "ebsSnapshot")
      dataVolume  = local.given.data_volume
    })
    models = {
      source = "s3"
      s3 = merge(local.given.models_s3, {
        bucket = try(element(split(":", var.models.bucket_arn), 5), "")
        # Of the pods' own role: a runtime reads its models and no other's.
        authentication = "pod"
      })
    }
    rollout       = local.given.rollout
    networkPolicy = local.given.network_policy
  }
}
