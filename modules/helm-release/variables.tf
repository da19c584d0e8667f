variable "cluster_name" {
  description = "Name of the EKS cluster that the release is installed in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name must be the name of an EKS cluster: 1 to 100 letters, digits, hyphens or underscores, beginning with a letter or digit."
  }
}

variable "cluster_id" {
  description = "What tells the cluster from another one that has its name later, such as its endpoint: with another cluster_id the release is installed anew. null trusts the name."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "region must be the name of an AWS region, such as us-east-1."
  }
}

variable "name" {
  description = "Name of the release; another name is another release."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$", var.name))
    error_message = "name must be 1 to 53 lower-case letters, digits or hyphens, and begin and end with a letter or digit."
  }
}

variable "namespace" {
  description = "Namespace of the release; made where it is missing, and kept when the release goes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace must be 1 to 63 lower-case letters, digits or hyphens, and begin and end with a letter or digit."
  }
}

variable "chart" {
  description = <<-EOT
    The chart, one of:
    - in an OCI registry: reference = "oci://<host>/<path>", version;
    - in an HTTP(S) repository: repository = "https://...", reference = its name there, version;
    - in a folder of this machine: reference = the folder.
  EOT
  type = object({
    reference  = string
    repository = optional(string)
    version    = optional(string)
  })
  nullable = false

  validation {
    condition     = var.chart.repository == null || can(regex("^https?://[^/@]+(/|$)", var.chart.repository))
    error_message = "chart.repository must be an http:// or https:// URL without a user in it."
  }
  validation {
    condition     = var.chart.repository == null || can(regex("^[a-z0-9][a-z0-9._-]*$", var.chart.reference))
    error_message = "chart.reference must be the chart's name in chart.repository; with an oci:// reference or a folder, leave chart.repository out."
  }
  # Without it the chart would change under a release that nobody touched.
  validation {
    condition     = (var.chart.repository == null && !startswith(var.chart.reference, "oci://")) || can(regex("^v?[0-9]+\\.[0-9]+\\.[0-9]+([-+][0-9A-Za-z.+-]+)?$", var.chart.version))
    error_message = "chart.version must be a whole version, such as 1.14.1, for a chart from a registry or a repository."
  }
  validation {
    condition     = var.chart.repository != null || startswith(var.chart.reference, "oci://") || fileexists("${var.chart.reference}/Chart.yaml")
    error_message = "chart.reference must be oci://..., the name of a chart in chart.repository, or a folder with a Chart.yaml in it."
  }
  validation {
    condition     = !startswith(var.chart.reference, "oci://") || can(regex("^oci://[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$", var.chart.reference))
    error_message = "chart.reference must have the form oci://<host>/<path>, without a version at its end: that is chart.version."
  }
}

variable "values" {
  description = "Values of the chart, an object. They are shown in the plan and kept in the state: no secrets."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.values))
    error_message = "values must be an object."
  }
}

variable "extra_values_yaml" {
  description = "YAML that is laid over values. Only its hash is in the plan and the state."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = trimspace(var.extra_values_yaml) == "" || can(keys(yamldecode(var.extra_values_yaml)))
    error_message = "extra_values_yaml must be a YAML mapping, or empty."
  }
}

variable "timeout_seconds" {
  description = "How long an installation, an upgrade or an uninstallation may take."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 30 && var.timeout_seconds <= 7200 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 30 to 7200."
  }
}

variable "skip_crds" {
  description = "Whether the chart's folder crds/ is left out: for a chart whose CRDs another release brings."
  type        = bool
  default     = false
  nullable    = false
}
