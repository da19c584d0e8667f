# What modules/vpc refuses, before anything is made.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com", reverse_dns_prefix = "com.amazonaws" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name               = "easel"
  account_id         = "123456789012"
  cluster_name       = "easel"
  availability_zones = ["us-east-1a", "us-east-1b"]
}

run "name_with_capitals" {
  command = plan
  variables {
    name = "Easel"
  }
  expect_failures = [var.name]
}

run "account_id_of_11_digits" {
  command = plan
  variables {
    account_id = "12345678901"
  }
  expect_failures = [var.account_id]
}

run "cluster_name_with_a_dot" {
  command = plan
  variables {
    cluster_name = "easel.prod"
  }
  expect_failures = [var.cluster_name]
}

run "one_zone" {
  command = plan
  variables {
    availability_zones = ["us-east-1a"]
  }
  expect_failures = [var.availability_zones]
}

run "four_zones" {
  command = plan
  variables {
    availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"]
  }
  expect_failures = [var.availability_zones]
}

run "one_zone_twice" {
  command = plan
  variables {
    availability_zones = ["us-east-1a", "us-east-1a"]
  }
  expect_failures = [var.availability_zones]
}

run "zone_of_another_region" {
  command = plan
  variables {
    availability_zones = ["us-east-1a", "us-west-2b"]
  }
  expect_failures = [var.availability_zones]
}

run "zone_by_its_id" {
  command = plan
  variables {
    availability_zones = ["use1-az1", "use1-az2"]
  }
  expect_failures = [var.availability_zones]
}

run "cidr_block_larger_than_aws_allows" {
  command = plan
  variables {
    cidr_block = "10.0.0.0/8"
  }
  expect_failures = [var.cidr_block]
}

run "cidr_block_too_small_for_pods" {
  command = plan
  variables {
    cidr_block = "10.0.0.0/24"
  }
  expect_failures = [var.cidr_block]
}

run "cidr_block_that_is_none" {
  command = plan
  variables {
    cidr_block = "10.0.0.256/16"
  }
  expect_failures = [var.cidr_block]
}

run "cidr_block_from_its_middle" {
  command = plan
  variables {
    cidr_block = "10.0.1.0/16"
  }
  expect_failures = [var.cidr_block]
}

run "number_of_nat_gateways_as_a_digit" {
  command = plan
  variables {
    nat_gateways = "1"
  }
  expect_failures = [var.nat_gateways]
}

run "interface_endpoint_for_s3" {
  command = plan
  variables {
    interface_endpoints = ["s3"]
  }
  expect_failures = [var.interface_endpoints]
}

run "interface_endpoint_of_another_region" {
  command = plan
  variables {
    interface_endpoints = ["com.amazonaws.eu-west-1.kms"]
  }
  expect_failures = [var.interface_endpoints]
}

run "retention_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    flow_log_retention_days = 10
  }
  expect_failures = [var.flow_log_retention_days]
}
