# KEDA: reads how long the runtimes' queues are, and sets the number of their pods.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # The same in every partition.
  service_principals = {
    pods = "pods.eks.amazonaws.com"
  }

  namespace            = "keda"
  service_account_name = "keda-operator"
}
