# What modules/eks-karpenter refuses, before anything is made.

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
  mock_data "aws_eks_addon_version" {
    defaults = { version = "v2.8.3-eksbuild.4" }
  }
}

variables {
  name              = "easel"
  account_id        = "123456789012"
  subnet_ids        = ["subnet-0a", "subnet-0b"]
  model_bucket_arns = ["arn:aws:s3:::easel-models"]
}

# Not a refusal: here the lookup of versions can be answered.
run "an_addon_that_is_not_pinned_gets_the_default" {
  command = plan
  variables {
    addon_versions = { coredns = "v1.14.3-eksbuild.3" }
  }
  assert {
    condition     = aws_eks_addon.after_nodes["coredns"].addon_version == "v1.14.3-eksbuild.3"
    error_message = "coredns is pinned"
  }
  assert {
    condition     = aws_eks_addon.before_nodes["kube-proxy"].addon_version == "v2.8.3-eksbuild.4"
    error_message = "kube-proxy is not pinned"
  }
}

run "name_with_an_underscore" {
  command = plan
  variables {
    name = "my_easel"
  }
  expect_failures = [var.name]
}

run "name_too_long_for_a_role" {
  command = plan
  variables {
    name = "a23456789-123456789-123456789-123"
  }
  expect_failures = [var.name]
}

run "account_id_with_hyphens" {
  command = plan
  variables {
    account_id = "1234-5678-9012"
  }
  expect_failures = [var.account_id]
}

run "kubernetes_version_out_of_support" {
  command = plan
  variables {
    kubernetes_version = "1.31"
  }
  expect_failures = [var.kubernetes_version]
}

run "kubernetes_version_with_a_patch" {
  command = plan
  variables {
    kubernetes_version = "1.35.2"
  }
  expect_failures = [var.kubernetes_version]
}

run "unknown_support" {
  command = plan
  variables {
    support_type = "FOREVER"
  }
  expect_failures = [var.support_type]
}

run "one_subnet" {
  command = plan
  variables {
    subnet_ids = ["subnet-0a", "subnet-0a"]
  }
  expect_failures = [var.subnet_ids]
}

run "api_open_to_the_internet" {
  command = plan
  variables {
    public_access_cidrs = ["203.0.113.0/24", "0.0.0.0/0"]
  }
  expect_failures = [var.public_access_cidrs]
}

run "api_open_to_the_internet_in_halves" {
  command = plan
  variables {
    public_access_cidrs = ["0.0.0.0/1", "128.0.0.0/1"]
  }
  expect_failures = [var.public_access_cidrs]
}

run "address_for_a_cidr_block" {
  command = plan
  variables {
    public_access_cidrs = ["203.0.113.7"]
  }
  expect_failures = [var.public_access_cidrs]
}

run "session_for_a_role" {
  command = plan
  variables {
    access_entries = {
      me = { principal_arn = "arn:aws:sts::123456789012:assumed-role/admin/me" }
    }
  }
  expect_failures = [var.access_entries]
}

run "unknown_access_policy" {
  command = plan
  variables {
    access_entries = {
      me = { principal_arn = "arn:aws:iam::123456789012:role/admin", policy = "root" }
    }
  }
  expect_failures = [var.access_entries]
}

run "one_principal_twice" {
  command = plan
  variables {
    access_entries = {
      me    = { principal_arn = "arn:aws:iam::123456789012:role/admin" }
      again = { principal_arn = "arn:aws:iam::123456789012:role/admin", policy = "edit" }
    }
  }
  expect_failures = [var.access_entries]
}

run "unknown_architecture" {
  command = plan
  variables {
    system_nodes = { architecture = "amd64" }
  }
  expect_failures = [var.system_nodes]
}

run "a_release_without_its_commit" {
  command = plan
  variables {
    system_nodes = { release_version = "1.68.1" }
  }
  expect_failures = [var.system_nodes]
}

run "family_for_an_instance_type" {
  command = plan
  variables {
    system_nodes = { instance_types = ["m7g"] }
  }
  expect_failures = [var.system_nodes]
}

run "no_system_node_at_all" {
  command = plan
  variables {
    system_nodes = { min = 0, desired = 0 }
  }
  expect_failures = [var.system_nodes]
}

run "desired_more_than_max" {
  command = plan
  variables {
    system_nodes = { max = 2, desired = 3 }
  }
  expect_failures = [var.system_nodes]
}

run "disk_too_small_for_the_images" {
  command = plan
  variables {
    system_nodes = { disk_gib = 10 }
  }
  expect_failures = [var.system_nodes]
}

run "unknown_addon" {
  command = plan
  variables {
    addon_versions = { "aws-ebs-csi-driver" = "v1.63.1-eksbuild.1" }
  }
  expect_failures = [var.addon_versions]
}

run "addon_version_without_its_build" {
  command = plan
  variables {
    addon_versions = { coredns = "v1.14.3" }
  }
  expect_failures = [var.addon_versions]
}

run "cloudwatch_before_its_extras_could_be_turned_off" {
  command = plan
  variables {
    addon_versions = { amazon-cloudwatch-observability = "v4.1.0-eksbuild.1" }
  }
  expect_failures = [var.addon_versions]
}

run "mountpoint_before_pod_identity" {
  command = plan
  variables {
    addon_versions = { aws-mountpoint-s3-csi-driver = "v1.15.0-eksbuild.1" }
  }
  expect_failures = [aws_eks_addon.after_nodes]
}

run "mountpoint_that_leaves_terminating_pods" {
  command = plan
  variables {
    addon_versions = { aws-mountpoint-s3-csi-driver = "v2.7.0-eksbuild.1" }
  }
  expect_failures = [aws_eks_addon.after_nodes]
}

run "mountpoint_of_eks_that_is_too_old" {
  command = plan
  override_data {
    target = data.aws_eks_addon_version.default["aws-mountpoint-s3-csi-driver"]
    values = { version = "v2.7.9-eksbuild.9" }
  }
  expect_failures = [aws_eks_addon.after_nodes]
}

run "mountpoint_left_out" {
  command = plan
  variables {
    addons_left_out = ["aws-mountpoint-s3-csi-driver"]
  }
}

run "mountpoint_from_2_10" {
  command = plan
  variables {
    addon_versions = { aws-mountpoint-s3-csi-driver = "v2.10.0-eksbuild.1" }
  }
}

run "no_model_bucket" {
  command = plan
  variables {
    model_bucket_arns = []
  }
  expect_failures = [var.model_bucket_arns]
}

run "path_in_a_buckets_arn" {
  command = plan
  variables {
    model_bucket_arns = ["arn:aws:s3:::easel-models/sdxl"]
  }
  expect_failures = [var.model_bucket_arns]
}

run "karpenter_version_with_a_v" {
  command = plan
  variables {
    karpenter = { version = "v1.14.1" }
  }
  expect_failures = [var.karpenter]
}

run "registry_with_a_scheme" {
  command = plan
  variables {
    karpenter = { registry = "oci://registry.example.com/karpenter" }
  }
  expect_failures = [var.karpenter]
}

run "digest_of_the_public_image" {
  command = plan
  variables {
    karpenter = {
      image_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    }
  }
  expect_failures = [var.karpenter]
}

run "digest_cut_off" {
  command = plan
  variables {
    karpenter = { registry = "registry.example.com", image_digest = "sha256:0123" }
  }
  expect_failures = [var.karpenter]
}

run "retention_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "no_time_to_drain" {
  command = plan
  variables {
    drain_timeout_seconds = 5
  }
  expect_failures = [var.drain_timeout_seconds]
}

run "addon_that_no_node_is_ready_without_left_out" {
  command = plan
  variables {
    addons_left_out = ["vpc-cni"]
  }
  expect_failures = [var.addons_left_out]
}

run "private_access_from_no_block" {
  command = plan
  variables {
    private_access_cidrs = ["10.0.0.0"]
  }
  expect_failures = [var.private_access_cidrs]
}

run "private_access_from_everywhere" {
  command = plan
  variables {
    private_access_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.private_access_cidrs]
}

run "alias_for_the_models_key" {
  command = plan
  variables {
    model_kms_key_arns = ["arn:aws:kms:us-east-1:123456789012:alias/models"]
  }
  expect_failures = [var.model_kms_key_arns]
}

run "alias_for_the_volumes_key" {
  command = plan
  variables {
    volume_kms_key_arns = ["arn:aws:kms:us-east-1:123456789012:alias/aws/ebs"]
  }
  expect_failures = [var.volume_kms_key_arns]
}
