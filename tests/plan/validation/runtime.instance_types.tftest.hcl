# Instance types that modules/runtime refuses, and those that it takes, before anything is made.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  stack_name              = "easel"
  name                    = "sdruntime"
  type                    = "sdwebui"
  account_id              = "123456789012"
  probe_function_name     = "easel-probe"
  tasks_topic_arn         = "arn:aws:sns:us-east-1:123456789012:easel-tasks"
  notifications_topic_arn = "arn:aws:sns:us-east-1:123456789012:easel-notifications"
  output_bucket_arn       = "arn:aws:s3:::easel-outputs-123456789012-us-east-1"
  kms_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  records = {
    table_name = "easel-records"
    table_arn  = "arn:aws:dynamodb:us-east-1:123456789012:table/easel-records"
  }
  cluster = { name = "easel", node_role_name = "easel-nodes" }
  models  = { bucket_arn = "arn:aws:s3:::easel-models-123456789012-us-east-1" }
}

run "an_unknown_type" {
  command = plan
  variables {
    nodes = { instance_types = ["g5.xlarge", "g5.xxlarge"] }
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "arm" {
  command = plan
  variables {
    nodes = { instance_types = ["g5g.2xlarge"] }
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "part_of_a_gpu" {
  command = plan
  variables {
    nodes = { instance_types = ["g6f.xlarge"] }
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "no_gpu" {
  command = plan
  variables {
    nodes = { instance_types = ["m5.xlarge"] }
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "another_makers_gpu" {
  command = plan
  variables {
    nodes = { instance_types = ["g4ad.xlarge"] }
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "two_gpus_of_the_default_types" {
  command = plan
  variables {
    extra_values_yaml = "runtime: {gpus: 2}"
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "too_little_memory" {
  command = plan
  variables {
    nodes             = { instance_types = ["g5.xlarge"] }
    extra_values_yaml = "runtime: {resources: {requests: {memory: 13Gi}}}"
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "limits_that_the_node_has_not" {
  command = plan
  variables {
    extra_values_yaml = "runtime: {resources: {limits: {memory: 13Gi}}}"
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "larger_limits_on_larger_nodes" {
  command = plan
  variables {
    nodes             = { instance_types = ["g5.2xlarge"] }
    extra_values_yaml = "runtime: {resources: {limits: {memory: 24Gi}}}"
  }
}

run "a_pools_own_type" {
  command = plan
  variables {
    extra_values_yaml = "nodes: {pools: [{name: gpu}, {name: other, instanceTypes: [m5.xlarge]}]}"
  }
  expect_failures = [aws_eks_pod_identity_association.agent]
}

run "the_default_types" {
  command = plan
}

run "a_type_that_is_described" {
  command = plan
  variables {
    nodes             = { instance_types = ["g9.xlarge", "g5.12xlarge"] }
    extra_values_yaml = "{runtime: {gpus: 4}, nodes: {moreInstanceTypes: {g9.xlarge: {architecture: amd64, gpus: 4, memoryMi: 60000}}}}"
  }
}

run "existing_nodes_of_any_type" {
  command = plan
  variables {
    nodes             = { instance_types = ["m5.xlarge"] }
    extra_values_yaml = "nodes: {create: false}"
  }
}

run "a_runtime_on_cpu" {
  command = plan
  variables {
    nodes             = { instance_types = ["m5.xlarge"] }
    extra_values_yaml = "runtime: {gpus: 0}"
  }
}
