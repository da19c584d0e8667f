# ---------------------------------------------------------------------------------------------
# One customer key for what the cluster keeps: its secrets and its logs
# ---------------------------------------------------------------------------------------------

# EKS uses the key through a grant that it makes for the control plane at its creation.
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:In a key policy "*" is this key, and without this statement no one could ever change the key again
  #checkov:skip=CKV_AWS_111:In a key policy "*" is this key
  #checkov:skip=CKV_AWS_356:In a key policy "*" is this key
  statement {
    sid       = "AccountAdministersThroughIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["${local.account_arn}:root"]
    }
  }

  statement {
    sid       = "CloudWatchEncryptsTheseLogGroups"
    actions   = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.logs]
    }
    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values = [
        for name in concat([local.cluster_log_group], values(local.insights_log_groups)) :
        "${local.log_group_arn_prefix}:${name}"
      ]
    }
  }
}

resource "aws_kms_key" "this" {
  description             = "${var.name}: secrets and logs of the cluster"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-cluster"
  target_key_id = aws_kms_key.this.key_id
}
