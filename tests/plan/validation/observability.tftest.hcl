# What modules/observability refuses, before anything is made.

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
  name        = "easel"
  account_id  = "123456789012"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"

  api                            = { name = "easel", stage_name = "prod" }
  functions                      = { intake = "easel-intake" }
  tasks_topic_name               = "easel-tasks"
  records_table_name             = "easel-records"
  webhook_dead_letter_queue_name = "easel-webhook-dead-letter"
  log_group_names                = { access = "access", intake = "intake", reader = "reader", webhook = "webhook" }
  runtimes = {
    sdruntime = { queue_name = "easel-sdruntime", dead_letter_queue_name = "easel-sdruntime-dead-letter" }
  }
}

run "name_with_an_underscore" {
  command = plan
  variables {
    name = "my_easel"
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

run "key_by_its_alias" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/easel-tasks"
  }
  expect_failures = [var.kms_key_arn]
}

run "address_without_a_domain" {
  command = plan
  variables {
    mail_addresses = ["you@localhost"]
  }
  expect_failures = [var.mail_addresses]
}

run "runbook_with_a_fragment" {
  command = plan
  variables {
    runbook = "https://example.com/alarms#top"
  }
  expect_failures = [var.runbook]
}

run "no_patience" {
  command = plan
  variables {
    thresholds = { oldest_task_seconds = 5 }
  }
  expect_failures = [var.thresholds]
}

run "minutes_that_are_no_periods" {
  command = plan
  variables {
    thresholds = { no_progress_minutes = 12 }
  }
  expect_failures = [var.thresholds]
}

run "longer_than_cloudwatch_looks" {
  command = plan
  variables {
    thresholds = { pending_pods_minutes = 1500 }
  }
  expect_failures = [var.thresholds]
}

run "budget_of_nothing" {
  command = plan
  variables {
    budget = { amount_per_month = 0 }
  }
  expect_failures = [var.budget]
}

run "budget_in_euros" {
  command = plan
  variables {
    budget = { amount_per_month = 100, currency = "EUR" }
  }
  expect_failures = [var.budget]
}

run "no_runtime" {
  command = plan
  variables {
    runtimes = {}
  }
  expect_failures = [var.runtimes]
}
