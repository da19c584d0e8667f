# ---------------------------------------------------------------------------------------------
# Role of KEDA's operator, given to its pods by EKS Pod Identity
# ---------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "operator_trust" {
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
    # The session's tags, as EKS sets them: no other pod's session may have this role.
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-arn"
      values   = ["arn:${local.partition}:eks:${local.region}:${var.account_id}:cluster/${var.cluster_name}"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [local.namespace]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [local.service_account_name]
    }
  }
}

# All that the scaler aws-sqs-queue asks of AWS: it counts messages, and reads none.
data "aws_iam_policy_document" "operator" {
  statement {
    sid       = "CountTasks"
    actions   = ["sqs:GetQueueAttributes"]
    resources = var.queue_arns
  }
}

# A prefix, as IAM's names are the same for all regions and end at 64 characters.
resource "aws_iam_role" "operator" {
  name_prefix        = "${var.stack_name}-keda-"
  description        = "KEDA's operator of ${var.stack_name}"
  assume_role_policy = data.aws_iam_policy_document.operator_trust.json
}

resource "aws_iam_role_policy" "operator" {
  name   = "operator"
  role   = aws_iam_role.operator.id
  policy = data.aws_iam_policy_document.operator.json
}

resource "aws_eks_pod_identity_association" "operator" {
  cluster_name    = var.cluster_name
  namespace       = local.namespace
  service_account = local.service_account_name
  role_arn        = aws_iam_role.operator.arn
}
