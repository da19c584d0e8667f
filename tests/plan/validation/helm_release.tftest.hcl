# What modules/helm-release refuses, before anything is made.

variables {
  cluster_name = "easel"
  region       = "us-east-1"
  name         = "karpenter"
  namespace    = "kube-system"
  chart = {
    reference = "oci://public.ecr.aws/karpenter/karpenter"
    version   = "1.14.1"
  }
}

run "what_is_right" {
  command = plan
}

run "cluster_that_would_be_an_option" {
  command = plan
  variables {
    cluster_name = "--easel"
  }
  expect_failures = [var.cluster_name]
}

run "region_that_is_a_zone" {
  command = plan
  variables {
    region = "us-east-1a"
  }
  expect_failures = [var.region]
}

run "name_with_an_underscore" {
  command = plan
  variables {
    name = "my_release"
  }
  expect_failures = [var.name]
}

run "name_longer_than_helm_takes" {
  command = plan
  variables {
    name = "a23456789-123456789-123456789-123456789-123456789-1234"
  }
  expect_failures = [var.name]
}

run "namespace_in_capitals" {
  command = plan
  variables {
    namespace = "KEDA"
  }
  expect_failures = [var.namespace]
}

run "chart_of_no_version" {
  command = plan
  variables {
    chart = { reference = "oci://public.ecr.aws/karpenter/karpenter" }
  }
  expect_failures = [var.chart]
}

run "chart_of_a_range_of_versions" {
  command = plan
  variables {
    chart = { reference = "keda", repository = "https://kedacore.github.io/charts", version = "^2.20.0" }
  }
  expect_failures = [var.chart]
}

run "version_in_the_reference" {
  command = plan
  variables {
    chart = { reference = "oci://public.ecr.aws/karpenter/karpenter:1.14.1", version = "1.14.1" }
  }
  expect_failures = [var.chart]
}

run "folder_without_a_chart" {
  command = plan
  variables {
    chart = { reference = "./tests" }
  }
  expect_failures = [var.chart]
}

run "reference_and_repository_both_whole" {
  command = plan
  variables {
    chart = {
      reference  = "oci://public.ecr.aws/karpenter/karpenter"
      repository = "https://kedacore.github.io/charts"
      version    = "2.20.2"
    }
  }
  expect_failures = [var.chart]
}

run "password_in_the_repository" {
  command = plan
  variables {
    chart = {
      reference  = "keda"
      repository = "https://user:password@charts.example.com"
      version    = "2.20.2"
    }
  }
  expect_failures = [var.chart]
}

run "values_that_are_a_list" {
  command = plan
  variables {
    values = ["a"]
  }
  expect_failures = [var.values]
}

run "extra_values_that_are_no_yaml" {
  command = plan
  variables {
    extra_values_yaml = "a: [1"
  }
  expect_failures = [var.extra_values_yaml]
}

run "extra_values_that_are_a_list" {
  command = plan
  variables {
    extra_values_yaml = "- a"
  }
  expect_failures = [var.extra_values_yaml]
}

run "values_too_long_for_the_environment" {
  command = plan
  variables {
    values = { long = join("", [for i in range(1000) : format("%0130d", i)]) }
  }
  expect_failures = [terraform_data.upgrade]
}

run "time_limit_of_a_moment" {
  command = plan
  variables {
    timeout_seconds = 5
  }
  expect_failures = [var.timeout_seconds]
}
