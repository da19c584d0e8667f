# ---------------------------------------------------------------------------------------------
# Log groups. EKS and Fluent Bit would make them themselves: unencrypted and kept for ever. Both have
# to find them, so they are made first and deleted last. Even so they can come back: EKS writes a
# control plane's last lines when it is gone, with a role that may make groups. `make destroy` deletes
# them again, and the next `make apply` imports what came later (environments/log_groups.py).
# ---------------------------------------------------------------------------------------------

locals {
  cluster_log_group = "/aws/eks/${var.name}/cluster"

  # Container logs, metrics as log events, and what the nodes and their daemons write.
  insights_log_groups = {
    for kind in ["application", "dataplane", "host", "performance"] :
    kind => "/aws/containerinsights/${var.name}/${kind}" if local.has_cloudwatch
  }
}

resource "aws_cloudwatch_log_group" "cluster" {
  name              = local.cluster_log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_cloudwatch_log_group" "insights" {
  for_each = local.insights_log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}
