# ---------------------------------------------------------------------------------------------
# API and outputs
# ---------------------------------------------------------------------------------------------

variable "stage_name" {
  description = "Stage of the REST API: the first part of the path."
  type        = string
  default     = "dev"
  nullable    = false
}

variable "authorization" {
  description = "How requests prove who sends them: API_KEY, or AWS_IAM for requests signed with AWS credentials."
  type        = string
  default     = "API_KEY"
  nullable    = false
}

variable "throttle" {
  description = "Requests that one API key (with AWS_IAM: all callers together) may send; see modules/api-fanout."
  type = object({
    rate_limit_per_second = optional(number)
    burst_limit           = optional(number)
  })
  default  = {}
  nullable = false
}

variable "api_keys" {
  description = "API keys by name, each a tenant with its own limits; see modules/api-fanout."
  type = map(object({
    rate_limit_per_second = optional(number)
    burst_limit           = optional(number)
    requests_per_day      = optional(number)
  }))
  default  = { default = {} }
  nullable = false
}

variable "shared_tasks" {
  description = "Whether every caller may see, list and cancel the tasks of all, not its own alone."
  type        = bool
  default     = false
  nullable    = false
}

variable "tenant_prefixes" {
  description = "Whether the prefix of a task must begin with its tenant's name (API_KEY only)."
  type        = bool
  default     = false
  nullable    = false
}

variable "task_publishers" {
  description = "ARNs of roles and users that may publish tasks to the topic themselves; see modules/api-fanout."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "task_retention_days" {
  description = "How many days the record of a task is kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "webhook" {
  description = "Callbacks to URLs that tasks name; see modules/api-fanout."
  type = object({
    allowed_hosts  = optional(list(string))
    private_hosts  = optional(list(string))
    secret_version = optional(number)
  })
  default  = {}
  nullable = false
}

variable "tracing_enabled" {
  description = "Whether the API and its functions send traces to X-Ray; false in AWS China, where Lambda has no X-Ray."
  type        = bool
  default     = true
  nullable    = false
}

variable "functions_package_path" {
  description = "Zip of the functions' code; `make package` builds it."
  type        = string
  default     = "../../build/functions-aws.zip"
  nullable    = false

  validation {
    condition     = fileexists(var.functions_package_path)
    error_message = "There is no file at functions_package_path: run `make package` first."
  }
}

variable "output_bucket" {
  description = "The output bucket; see modules/api-fanout."
  type = object({
    expire_outputs_after_days    = optional(number)
    expire_noncurrent_after_days = optional(number)
    expire_payloads_after_days   = optional(number)
    force_destroy                = optional(bool)
  })
  default  = {}
  nullable = false
}

variable "input_kms_key_arns" {
  description = "KMS keys of input_bucket_arns, where they are not S3's own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "input_bucket_arns" {
  description = "ARNs of buckets whose objects tasks may name in s3:// URLs, beside the output bucket."
  type        = list(string)
  default     = []
  nullable    = false
}

# ---------------------------------------------------------------------------------------------
# Models and runtimes
# ---------------------------------------------------------------------------------------------

variable "model_bucket" {
  description = <<-EOT
    A model bucket that the stack makes, <name>-models-<account>-<region>, and that a destroy keeps; see modules/model-bucket. Null: one of yours.
    - expire_noncurrent_after_days: when models that were overwritten or removed are gone for good.
  EOT
  type = object({
    expire_noncurrent_after_days = optional(number, 14)
  })
  default = null

  validation {
    condition     = var.model_bucket == null || var.model_bucket_arn == null
    error_message = "model_bucket makes a bucket and model_bucket_arn names one of yours: set one of them to null."
  }
}

variable "model_bucket_arn" {
  description = "ARN of a bucket of yours with the models, in the stack's region; null: <name>-models-<account>-<region>. The stack only reads it."
  type        = string
  default     = null

  validation {
    condition     = var.model_bucket_arn == null || can(regex("^arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.model_bucket_arn))
    error_message = "model_bucket_arn must be the ARN of a bucket, such as arn:<partition>:s3:::my-models, without a path."
  }
}

variable "model_kms_key_arn" {
  description = "ARN of the KMS key that the model bucket is encrypted with; null: S3's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.model_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.model_kms_key_arn))
    error_message = "model_kms_key_arn must be the ARN of a KMS key (not of an alias)."
  }
  validation {
    condition     = try(split(":", var.model_kms_key_arn)[3] == var.region, true)
    error_message = "model_kms_key_arn must be a key of the region: a bucket is encrypted with a key of its own region."
  }
}

variable "agent_image" {
  description = "The queue agent's image, built from agent/Dockerfile; null where every runtime's values_file names it. A repository without a registry's name is one in this account's ECR."
  type = object({
    repository = string
    tag        = optional(string)
    digest     = optional(string)
  })
  default = { repository = "easel/queue-agent", tag = "0.1.0" }
}

variable "runtimes" {
  description = <<-EOT
    Runtimes by name, as tasks give it in metadata.runtime. Adding one is adding an entry.
    - type, model_filename, dynamic_model: see modules/api-fanout.
    - accepts_tasks: false before it is removed: the API refuses new tasks, and its pods do those that wait.
    - image: a repository without a registry's name is one in this account's ECR; null where values_file names it.
    - namespace, agent, scaling, nodes, queue, price, release_timeout_seconds: see modules/runtime.
    - model_prefix: folder of the model bucket that it may read; null: all of it.
    - chart: repository (oci://... with the chart's name, or https://...) and version; null: charts/sd-runtime of this checkout.
    - values_file: YAML with further values of charts/sd-runtime, beside terraform.tfvars.
  EOT
  type = map(object({
    type           = string
    model_filename = optional(string)
    dynamic_model  = optional(bool, false)
    accepts_tasks  = optional(bool, true)
    namespace      = optional(string)
    model_prefix   = optional(string)
    values_file    = optional(string)

    release_timeout_seconds = optional(number)
    image = optional(object({
      repository = string
      tag        = optional(string)
      digest     = optional(string)
    }))
    chart = optional(object({
      repository = string
      version    = optional(string)
    }))
    agent = optional(object({
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
    }), {})
    scaling = optional(object({
      queue_length      = optional(number)
      min_replica_count = optional(number)
      max_replica_count = optional(number)
      cooldown_seconds  = optional(number)
    }), {})
    nodes = optional(object({
      instance_types        = optional(list(string))
      capacity_types        = optional(list(string))
      ami_alias             = optional(string)
      snapshot_id           = optional(string)
      image_cache           = optional(string)
      instance_store_policy = optional(string)
      data_volume_gib       = optional(number)

      volume_initialization_rate = optional(number)
    }), {})
    queue = optional(object({
      visibility_timeout_seconds    = optional(number)
      retention_seconds             = optional(number)
      max_attempts                  = optional(number)
      dead_letter_retention_seconds = optional(number)
    }), {})
    price = optional(object({
      per_hour = number
      currency = optional(string)
    }))
  }))
  nullable = false

  validation {
    condition = alltrue([
      for runtime in values(var.runtimes) : runtime.values_file == null || try(fileexists(runtime.values_file), false)
    ])
    error_message = "There is no file at a runtime's values_file; the path is relative to the environment's folder."
  }
  validation {
    condition     = anytrue([for runtime in values(var.runtimes) : runtime.accepts_tasks])
    error_message = "At least one runtime must accept tasks: an API that refuses all is taken down by make destroy."
  }
  validation {
    # A values_file that is missing, or no YAML, is another's mistake to name.
    condition = alltrue([
      for runtime in values(var.runtimes) : runtime.image != null || (runtime.values_file != null && try(
        length(yamldecode(file(runtime.values_file)).runtime.image.repository) > 0,
        !can(yamldecode(file(runtime.values_file)))
      ))
    ])
    error_message = "A runtime needs an image, or a values_file that names one (runtime.image.repository and tag). A sample of one: make image IMAGE=sd-webui PUSH=1, or IMAGE=comfyui; it prints the line for image. See images/README.md."
  }
  validation {
    condition = alltrue([
      for runtime in values(var.runtimes) : runtime.chart == null || try(can(regex("^(oci|https?)://", runtime.chart.repository)), false)
    ])
    error_message = "A runtime's chart.repository must begin with oci://, https:// or http://."
  }
}
