# What modules/keda refuses, before anything is made.

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
  stack_name   = "easel"
  account_id   = "123456789012"
  cluster_name = "easel"
  queue_arns   = ["arn:aws:sqs:us-east-1:123456789012:easel-sdruntime"]
}

run "stack_name_with_an_underscore" {
  command = plan
  variables {
    stack_name = "my_easel"
  }
  expect_failures = [var.stack_name]
}

run "account_id_with_hyphens" {
  command = plan
  variables {
    account_id = "1234-5678-9012"
  }
  expect_failures = [var.account_id]
}

run "cluster_by_its_arn" {
  command = plan
  variables {
    cluster_name = "arn:aws:eks:us-east-1:123456789012:cluster/easel"
  }
  expect_failures = [var.cluster_name]
}

run "no_queue" {
  command = plan
  variables {
    queue_arns = []
  }
  expect_failures = [var.queue_arns]
}

run "every_queue" {
  command = plan
  variables {
    queue_arns = ["arn:aws:sqs:us-east-1:123456789012:*"]
  }
  expect_failures = [var.queue_arns]
}

run "queue_by_its_url" {
  command = plan
  variables {
    queue_arns = ["https://sqs.us-east-1.amazonaws.com/123456789012/easel-sdruntime"]
  }
  expect_failures = [var.queue_arns]
}

run "more_queues_than_a_policy_holds" {
  command = plan
  variables {
    queue_arns = [for number in range(200) : "arn:aws:sqs:us-east-1:123456789012:easel-sdruntime-${number}"]
  }
  expect_failures = [var.queue_arns]
}

run "image_registry_with_a_scheme" {
  command = plan
  variables {
    image_registry = "https://registry.example.com"
  }
  expect_failures = [var.image_registry]
}

run "image_registry_with_a_slash_at_its_end" {
  command = plan
  variables {
    image_registry = "registry.example.com/mirror/"
  }
  expect_failures = [var.image_registry]
}

run "no_replica" {
  command = plan
  variables {
    replicas = 0
  }
  expect_failures = [var.replicas]
}

run "extra_values_that_are_a_list" {
  command = plan
  variables {
    extra_values_yaml = "- a"
  }
  expect_failures = [var.extra_values_yaml]
}
