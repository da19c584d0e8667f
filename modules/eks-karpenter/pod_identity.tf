# ---------------------------------------------------------------------------------------------
# Roles of Karpenter and of add-ons, given to their pods by EKS Pod Identity
# ---------------------------------------------------------------------------------------------

locals {
  # Fluent Bit runs as cloudwatch-agent, too.
  pod_roles = {
    cloudwatch = { namespace = "amazon-cloudwatch", service_account = "cloudwatch-agent" }
    karpenter  = { namespace = "kube-system", service_account = "karpenter" }
    mountpoint = { namespace = "kube-system", service_account = "s3-csi-driver-sa" }
    vpc-cni    = { namespace = "kube-system", service_account = "aws-node" }
  }
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
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.cluster_arn]
    }
    # Otherwise whoever may associate roles in the cluster could give it to another pod.
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
  for_each = {
    cloudwatch = "CloudWatchAgentServerPolicy"
    vpc-cni    = "AmazonEKS_CNI_Policy"
  }

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
}

resource "aws_iam_role_policy" "mountpoint" {
  name   = "models"
  role   = aws_iam_role.pod["mountpoint"].id
  policy = data.aws_iam_policy_document.mountpoint.json
}
