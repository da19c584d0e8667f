# ---------------------------------------------------------------------------------------------
# Roles of Karpenter and of add-ons, given to their pods by EKS Pod Identity
# ---------------------------------------------------------------------------------------------

locals {
  has_cloudwatch = !contains(var.addons_left_out, "amazon-cloudwatch-observability")
  has_mountpoint = !contains(var.addons_left_out, "aws-mountpoint-s3-csi-driver")

  # Fluent Bit runs as cloudwatch-agent, too.
  pod_roles = merge(
    {
      karpenter = { namespace = "kube-system", service_account = "karpenter" }
      vpc-cni   = { namespace = "kube-system", service_account = "aws-node" }
    },
    local.has_cloudwatch ? { cloudwatch = { namespace = "amazon-cloudwatch", service_account = "cloudwatch-agent" } } : {},
    local.has_mountpoint ? { mountpoint = { namespace = "kube-system", service_account = "s3-csi-driver-sa" } } : {},
  )
}

data "aws_iam_policy_document" "pod_trust" {
  for_each = local.pod_roles

  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = [local.service_principals.pods]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
    # The session's tags, as EKS sets them: otherwise whoever may associate roles in a cluster of
    # the account could give this one to another pod.
    # https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html#pod-id-abac-tags
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-arn"
      values   = [local.cluster_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [each.value.namespace]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [each.value.service_account]
    }
  }
}

resource "aws_iam_role" "pod" {
  for_each = local.pod_roles

  name               = "${local.name_prefix}-${each.key}"
  description        = "Pods of ${each.value.namespace}/${each.value.service_account} in cluster ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.pod_trust[each.key].json
}

resource "aws_iam_role_policy_attachment" "pod" {
  for_each = merge(
    { vpc-cni = "AmazonEKS_CNI_Policy" },
    local.has_cloudwatch ? { cloudwatch = "CloudWatchAgentServerPolicy" } : {},
  )

  role       = aws_iam_role.pod[each.key].name
  policy_arn = "${local.managed_policy}/${each.value}"
}

# For runtimes whose volume authenticates as the driver. By default it authenticates as the
# runtime's own pod, and this role is not used.
data "aws_iam_policy_document" "mountpoint" {
  statement {
    sid       = "ListModels"
    actions   = ["s3:ListBucket"]
    resources = var.model_bucket_arns
  }

  statement {
    sid       = "ReadModels"
    actions   = ["s3:GetObject"]
    resources = [for arn in var.model_bucket_arns : "${arn}/*"]
  }

  dynamic "statement" {
    for_each = length(var.model_kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "DecryptModels"
      actions   = ["kms:Decrypt"]
      resources = var.model_kms_key_arns
    }
  }
}

resource "aws_iam_role_policy" "mountpoint" {
  count = local.has_mountpoint ? 1 : 0

  name   = "models"
  role   = aws_iam_role.pod["mountpoint"].id
  policy = data.aws_iam_policy_document.mountpoint.json
}
