variable "throttle" {
  description = "Requests that an API key may send unless it has limits of its own, or all callers together with AWS_IAM: steadily, and at once after a pause."
  type = object({
    rate_limit_per_second = optional(number, 30)
    burst_limit           = optional(number, 50)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate_limit_per_second > 0 && var.throttle.rate_limit_per_second <= 10000
    error_message = "throttle.rate_limit_per_second must be above 0 and at most 10000, the account's limit."
  }
  validation {
    condition     = var.throttle.burst_limit >= 1 && var.throttle.burst_limit <= 5000 && floor(var.throttle.burst_limit) == var.throttle.burst_limit
    error_message = "throttle.burst_limit must be a whole number from 1 to 5000, the account's limit."
  }
}

variable "api_keys" {
  description = <<-EOT
    API keys by name; the name is the tenant whose tasks are sent with the key. Without effect with AWS_IAM.
    - rate_limit_per_second, burst_limit: as in throttle, for this key.
    - requests_per_day: most requests a day; null has no such limit.
  EOT
  type = map(object({
    rate_limit_per_second = optional(number)
    burst_limit           = optional(number)
    requests_per_day      = optional(number)
  }))
  default  = { default = {} }
  nullable = false

  validation {
    condition     = length(var.api_keys) > 0
    error_message = "api_keys must have at least one entry: without a key every request is refused."
  }
  validation {
    condition     = alltrue([for name in keys(var.api_keys) : can(regex("^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$", name)) && name != "direct"])
    error_message = "A key's name must be 1 to 64 lower-case letters, digits or hyphens, begin and end with a letter or digit, and not be direct, the tenant of tasks that are published by hand."
  }
  validation {
    condition = alltrue([
      for key in values(var.api_keys) :
      try(key.rate_limit_per_second > 0 && key.rate_limit_per_second <= 10000, key.rate_limit_per_second == null) &&
      try(key.burst_limit >= 1 && key.burst_limit <= 5000 && floor(key.burst_limit) == key.burst_limit, key.burst_limit == null)
    ])
    error_message = "A key's rate_limit_per_second must be above 0 and at most 10000, its burst_limit a whole number from 1 to 5000: the account's limits."
  }
  validation {
    condition     = alltrue([for key in values(var.api_keys) : try(key.requests_per_day >= 1 && floor(key.requests_per_day) == key.requests_per_day, key.requests_per_day == null)])
    error_message = "A key's requests_per_day must be a whole number, at least 1, or null."
  }
}

variable "shared_tasks" {
  description = "Whether every caller may see, list and cancel the tasks of all; otherwise each those of its own API key or principal."
  type        = bool
  default     = false
  nullable    = false
}

variable "tenant_prefixes" {
  description = "Whether the prefix of a task must begin with its tenant's name, so that the pictures of each lie in a folder of their own."
  type        = bool
  default     = false
  nullable    = false

  # With AWS_IAM a tenant is an ARN, which is no folder.
  validation {
    condition     = !var.tenant_prefixes || var.authorization == "API_KEY"
    error_message = "tenant_prefixes needs authorization API_KEY: with AWS_IAM a tenant's name is an ARN, which no prefix can begin with."
  }
}

variable "task_publishers" {
  description = "ARNs of roles and users of this account that may publish tasks to the topic themselves, where their own policies allow it too. Nobody else may, but the intake function. They are trusted: such a message can name any tenant."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.task_publishers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9+=,.@_/-]+)$", arn))])
    error_message = "A task publisher must be the ARN of a role or user, without wildcards: arn:<partition>:iam::<account>:role/<path and name>; of an assumed role its role."
  }
}

variable "task_retention_days" {
  description = "How many days the record of a task is kept; then nothing tells of it any more but its pictures."
  type        = number
  default     = 30
  nullable    = false

  # A task that waits has its record, or it would be nobody's.
  validation {
    condition     = var.task_retention_days >= 15 && var.task_retention_days <= 3650 && floor(var.task_retention_days) == var.task_retention_days
    error_message = "task_retention_days must be a whole number of days from 15 (a task may wait 14 days in its queues) to 3650."
  }
}

variable "webhook" {
  description = <<-EOT
    Callbacks to URLs that tasks name.
    - allowed_hosts: names of the hosts that such a URL may have; none allows every host at a public address.
    - private_hosts: hosts that may be at a private address. For tests: a task's sender could reach them.
    - secret_version: a higher number makes a new secret; the one before stays valid beside it.
  EOT
  type = object({
    allowed_hosts  = optional(list(string), [])
    private_hosts  = optional(list(string), [])
    secret_version = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for host in concat(var.webhook.allowed_hosts, var.webhook.private_hosts) : can(regex("^[a-z0-9.:-]{1,253}$", host))])
    error_message = "webhook.allowed_hosts and private_hosts must be names of hosts in lower case, without https:// and port."
  }
  validation {
    condition     = try(var.webhook.secret_version >= 1 && floor(var.webhook.secret_version) == var.webhook.secret_version, false)
    error_message = "webhook.secret_version must be a whole number, at least 1."
  }
}
