# What a runtime needs beside this in a cluster.

variable "cluster" {
  description = <<-EOT
    Cluster that the runtime is released to; null makes only what it has in AWS.
    - name: the EKS cluster.
    - node_role_name: role of the nodes that Karpenter starts.
    - subnet_ids, security_group_ids: of those nodes; null finds them by the tag karpenter.sh/discovery.
    - endpoint_cidrs: where VPC endpoints are, for the network policy; null: all private networks.
  EOT
  type = object({
    name               = string
    node_role_name     = string
    subnet_ids         = optional(list(string))
    security_group_ids = optional(list(string))
    endpoint_cidrs     = optional(list(string))
  })
  default = null
}

variable "cluster_id" {
  description = "What tells the cluster from another one that has its name later, such as its endpoint; see ../helm-release."
  type        = string
  default     = null
}

variable "ready" {
  description = "Anything known once Karpenter and KEDA run; the release comes after it and goes before it."
  type        = any
  default     = null
}

variable "namespace" {
  description = "Namespace of the release; null: the stack's name."
  type        = string
  default     = null

  validation {
    condition     = var.namespace == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace must be 1 to 63 lower-case letters, digits or hyphens, and begin and end with a letter or digit."
  }
}

variable "chart" {
  description = "The chart: a folder or oci:// reference, or a chart's name in an HTTP repository; null: charts/sd-runtime of this checkout."
  type = object({
    reference  = string
    repository = optional(string)
    version    = optional(string)
  })
  default = null
}

variable "images" {
  description = "Images of the runtime and of the queue agent, each by tag or digest; null where extra_values_yaml names them."
  type = object({
    runtime = optional(object({ repository = string, tag = optional(string), digest = optional(string) }))
    agent   = optional(object({ repository = string, tag = optional(string), digest = optional(string) }))
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for image in values(var.images) : image == null || try(length(coalesce(image.tag, image.digest)) > 0, false)
    ])
    error_message = "An image needs a tag or a digest."
  }
}

variable "agent" {
  description = "Settings of the queue agent (agent/README.md has their meaning and bounds); the chart's default holds for what is null."
  type = object({
    # begin agent settings: made by `make settings`
    log_level                   = optional(string)
    task_timeout_seconds        = optional(number)
    runtime_wait_seconds        = optional(number)
    back_off_seconds            = optional(number)
    overlap                     = optional(bool)
    spot_watch                  = optional(bool)
    receive_wait_seconds        = optional(number)
    input_max_bytes             = optional(number)
    input_max_total_bytes       = optional(number)
    input_max_urls              = optional(number)
    input_timeout_seconds       = optional(number)
    input_total_timeout_seconds = optional(number)
    input_max_pixels            = optional(number)
    input_max_total_pixels      = optional(number)
    input_allowed_hosts         = optional(list(string))
    # end agent settings
  })
  default  = {}
  nullable = false
}

variable "scaling" {
  description = <<-EOT
    How many pods; the chart's default holds for what is null.
    - queue_length: tasks, waiting and in flight, for each pod (10).
    - min_replica_count, max_replica_count: pods at least (0) and at most (5).
    - cooldown_seconds: time without a task before the last pod is stopped (300).
  EOT
  type = object({
    queue_length      = optional(number)
    min_replica_count = optional(number)
    max_replica_count = optional(number)
    cooldown_seconds  = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = try(var.scaling.queue_length >= 1 && floor(var.scaling.queue_length) == var.scaling.queue_length, var.scaling.queue_length == null)
    error_message = "scaling.queue_length must be a whole number, at least 1."
  }
  validation {
    condition = (coalesce(var.scaling.min_replica_count, 0) >= 0
      && coalesce(var.scaling.max_replica_count, 5) >= max(1, coalesce(var.scaling.min_replica_count, 0))
    )
    error_message = "scaling.max_replica_count must be at least 1 and at least min_replica_count, which must not be negative."
  }
  validation {
    condition     = coalesce(var.scaling.cooldown_seconds, 0) >= 0
    error_message = "scaling.cooldown_seconds must not be negative."
  }
}

variable "nodes" {
  description = <<-EOT
    The GPU nodes; the chart's default holds for what is null.
    - instance_types: several make a wider Spot pool. Each is checked: amd64, a GPU, memory for what the pod asks for and may take.
    - capacity_types: spot, on-demand or both.
    - ami_alias: Bottlerocket release, such as bottlerocket@v1.68.1.
    - snapshot_id: EBS snapshot with the images, for image_cache ebsSnapshot.
    - image_cache: ebsSnapshot, soci or none; null: ebsSnapshot where there is a snapshot_id, else none.
    - instance_store_policy: RAID0 uses the instance store (not with ebsSnapshot).
    - data_volume_gib: size of the volume for images and pods.
    - volume_initialization_rate: MiB/s (100 to 300) at which it is filled from the snapshot, for a charge.
  EOT
  type = object({
    instance_types        = optional(list(string))
    capacity_types        = optional(list(string))
    ami_alias             = optional(string)
    snapshot_id           = optional(string)
    image_cache           = optional(string)
    instance_store_policy = optional(string)
    data_volume_gib       = optional(number)

    volume_initialization_rate = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = try(length(var.nodes.instance_types) > 0, true)
    error_message = "nodes.instance_types must name at least one instance type, or be null."
  }
  validation {
    condition     = try(length(var.nodes.capacity_types) > 0 && length(setsubtract(var.nodes.capacity_types, ["spot", "on-demand"])) == 0, var.nodes.capacity_types == null)
    error_message = "nodes.capacity_types must be spot, on-demand or both."
  }
  validation {
    condition     = var.nodes.snapshot_id == null || can(regex("^snap-[0-9a-f]{8,17}$", var.nodes.snapshot_id))
    error_message = "nodes.snapshot_id must be like snap-0123456789abcdef0."
  }
  validation {
    condition     = contains(["ebsSnapshot", "soci", "none"], coalesce(var.nodes.image_cache, "none")) && (var.nodes.image_cache != "ebsSnapshot" || var.nodes.snapshot_id != null)
    error_message = "nodes.image_cache must be ebsSnapshot (with a snapshot_id), soci or none."
  }
  # The instance store would be mounted over the images that the snapshot brings.
  validation {
    condition     = var.nodes.instance_store_policy == null || (var.nodes.instance_store_policy == "RAID0" && var.nodes.snapshot_id == null)
    error_message = "nodes.instance_store_policy must be RAID0 or null, and cannot be used with a snapshot_id."
  }
  validation {
    condition     = coalesce(var.nodes.data_volume_gib, 20) >= 20
    error_message = "nodes.data_volume_gib must be at least 20: the images of a runtime are larger than that."
  }
  validation {
    condition = var.nodes.volume_initialization_rate == null || (
      var.nodes.snapshot_id != null
      && coalesce(var.nodes.volume_initialization_rate, 0) >= 100
      && coalesce(var.nodes.volume_initialization_rate, 0) <= 300
    )
    error_message = "nodes.volume_initialization_rate must be 100 to 300 MiB/s, and needs a snapshot_id."
  }
}

variable "models" {
  description = <<-EOT
    Where the models are; required with a cluster.
    - bucket_arn: the model bucket.
    - prefix: folder in it, without a slash at its ends; null: all of it.
    - kms_key_arn: key that it is encrypted with, where that is not S3's own.
  EOT
  type = object({
    bucket_arn  = string
    prefix      = optional(string)
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.models == null || can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]+$", var.models.bucket_arn))
    error_message = "models.bucket_arn must be the ARN of an S3 bucket, without a path."
  }
  validation {
    condition     = try(var.models.prefix, null) == null || can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", var.models.prefix))
    error_message = "models.prefix must be a folder such as sdxl/2026, without a slash at its ends."
  }
  validation {
    condition     = var.cluster == null || var.models != null
    error_message = "models is missing: a runtime in a cluster loads its models from a bucket."
  }
}

variable "release_timeout_seconds" {
  description = "How long an upgrade or an uninstallation may take, and within an upgrade one more pod to get ready; null: an hour, or a pod's grace and 15 minutes. See docs/adr/0022."
  type        = number
  default     = null

  validation {
    condition     = try(var.release_timeout_seconds >= 300 && var.release_timeout_seconds <= 7200 && floor(var.release_timeout_seconds) == var.release_timeout_seconds, var.release_timeout_seconds == null)
    error_message = "release_timeout_seconds must be a whole number from 300 to 7200."
  }
  validation {
    condition     = try(var.release_timeout_seconds > local.pod_grace_seconds, var.release_timeout_seconds == null)
    error_message = "release_timeout_seconds must be above a pod's grace, ${local.pod_grace_seconds} (agent.task_timeout_seconds, and two minutes): uninstalling waits for busy pods."
  }
}

variable "extra_values_yaml" {
  description = "Further values of the chart as YAML, laid over those made here; no secrets. See charts/sd-runtime/values.yaml."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.extra_values_yaml == "" || can(keys(yamldecode(var.extra_values_yaml)))
    error_message = "extra_values_yaml must be a YAML map."
  }
}
