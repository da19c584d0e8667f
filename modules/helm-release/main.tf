# One release of a chart in an EKS cluster, by the real Helm.
#
# Two resources, so that a change upgrades in place: `release` stands for the release itself and
# uninstalls it when it is destroyed; `upgrade` is replaced by every change and runs
# `helm upgrade --install`. The requests travel in the environment: a provisioner's environment is
# neither printed nor kept, and its arguments can be read by everyone on the machine.

locals {
  identity = {
    cluster_name = var.cluster_name
    region       = var.region
    name         = var.name
    namespace    = var.namespace
  }

  is_folder = var.chart.repository == null && !startswith(var.chart.reference, "oci://")

  # A folder is known by what is in it: its path differs from machine to machine.
  chart = (local.is_folder
    ? {
      reference  = basename(var.chart.reference)
      repository = null
      version    = null
      sha256 = sha256(join("\n", [
        for file in sort(tolist(fileset(var.chart.reference, "**"))) :
        "${filesha256("${var.chart.reference}/${file}")} ${file}"
      ]))
    }
    : merge(var.chart, { sha256 = null })
  )

  request = jsonencode(merge(local.identity, {
    chart             = var.chart
    values            = var.values
    extra_values_yaml = var.extra_values_yaml
    timeout_seconds   = var.timeout_seconds
    skip_crds         = var.skip_crds
  }))

  # Linux takes 128 KiB in one variable of a process's environment.
  request_limit_bytes = 120000
}

resource "terraform_data" "release" {
  # A cluster that was made anew under the same name holds no release.
  triggers_replace = merge(local.identity, { cluster_id = var.cluster_id })

  # What uninstalling needs to know. Another time limit is no other release; cluster_id is left out,
  # for a cluster that is gone, or another one, is found by its name.
  input = merge(local.identity, { timeout_seconds = var.timeout_seconds })

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["${path.module}/easel-deploy"]
    command     = "helm uninstall"
    environment = { EASEL_RELEASE = jsonencode(self.input) }
  }
}

resource "terraform_data" "upgrade" {
  triggers_replace = {
    release             = terraform_data.release.id
    chart               = local.chart
    values              = var.values
    extra_values_sha256 = var.extra_values_yaml == "" ? null : sha256(var.extra_values_yaml)
  }

  lifecycle {
    precondition {
      condition     = length(base64encode(local.request)) / 4 * 3 <= local.request_limit_bytes
      error_message = "values and extra_values_yaml of release ${var.name} are longer than ${local.request_limit_bytes} bytes together: put what is long into the chart, or into a ConfigMap that it names."
    }
  }

  provisioner "local-exec" {
    interpreter = ["${path.module}/easel-deploy"]
    command     = "helm upgrade"
    environment = { EASEL_RELEASE = local.request }
  }
}
