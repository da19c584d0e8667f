# What modules/api-fanout refuses, before anything is made.

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
  name       = "easel"
  account_id = "123456789012"
  functions  = { package_path = "functions.zip" }
  runtimes   = { sdruntime = { type = "sdwebui", model_filename = "a.safetensors" } }
}

run "name_with_capitals" {
  command = plan
  variables {
    name = "Easel"
  }
  expect_failures = [var.name]
}

run "name_too_long_for_a_bucket" {
  command = plan
  variables {
    name = "a23456789-123456789-12345"
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

run "no_runtime" {
  command = plan
  variables {
    runtimes = {}
  }
  expect_failures = [var.runtimes]
}

run "unknown_type" {
  command = plan
  variables {
    runtimes = { sdruntime = { type = "invokeai" } }
  }
  expect_failures = [var.runtimes]
}

run "runtime_name_that_is_no_dns_label" {
  command = plan
  variables {
    runtimes = { SD_Runtime = { type = "sdwebui" } }
  }
  expect_failures = [var.runtimes]
}

run "model_filename_with_a_folder" {
  command = plan
  variables {
    runtimes = { sdruntime = { type = "sdwebui", model_filename = "../a.safetensors" } }
  }
  expect_failures = [var.runtimes]
}

run "one_checkpoint_for_two_sdwebui_runtimes" {
  command = plan
  variables {
    runtimes = {
      first  = { type = "sdwebui", model_filename = "a.safetensors" }
      second = { type = "sdwebui", model_filename = "a.safetensors" }
    }
  }
  expect_failures = [var.runtimes]
}

run "more_runtimes_than_the_functions_environment_holds" {
  command = plan
  variables {
    runtimes = { for number in range(60) : "runtime-${number}" => { type = "sdwebui", model_filename = "checkpoint-${number}.safetensors" } }
  }
  expect_failures = [var.runtimes]
}

run "stage_name_with_a_slash" {
  command = plan
  variables {
    stage_name = "a/b"
  }
  expect_failures = [var.stage_name]
}

run "no_authorization" {
  command = plan
  variables {
    authorization = "NONE"
  }
  expect_failures = [var.authorization]
}

run "throttle_of_0" {
  command = plan
  variables {
    throttle = { rate_limit_per_second = 0 }
  }
  expect_failures = [var.throttle]
}

run "burst_limit_with_a_fraction" {
  command = plan
  variables {
    throttle = { burst_limit = 1.5 }
  }
  expect_failures = [var.throttle]
}

run "python_too_old" {
  command = plan
  variables {
    functions = { package_path = "functions.zip", runtime = "python3.10" }
  }
  expect_failures = [var.functions]
}

run "unknown_architecture" {
  command = plan
  variables {
    functions = { package_path = "functions.zip", architecture = "riscv" }
  }
  expect_failures = [var.functions]
}

run "timeout_beyond_api_gateways" {
  command = plan
  variables {
    intake = { timeout_seconds = 30 }
  }
  expect_failures = [var.intake]
}

run "too_little_memory" {
  command = plan
  variables {
    intake = { memory_mb = 128 }
  }
  expect_failures = [var.intake]
}

run "reserved_concurrency_of_0" {
  command = plan
  variables {
    intake = { reserved_concurrency = 0 }
  }
  expect_failures = [var.intake]
}

run "unknown_log_level" {
  command = plan
  variables {
    functions = { package_path = "functions.zip", log_level = "TRACE" }
  }
  expect_failures = [var.functions]
}

run "outputs_that_expire_at_once" {
  command = plan
  variables {
    output_bucket = { expire_outputs_after_days = 0 }
  }
  expect_failures = [var.output_bucket]
}

run "payloads_that_expire_before_their_tasks" {
  command = plan
  variables {
    output_bucket = { expire_payloads_after_days = 7 }
  }
  expect_failures = [var.output_bucket]
}

run "log_retention_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    log_retention_days = 10
  }
  expect_failures = [var.log_retention_days]
}

run "no_key_at_all" {
  command = plan
  variables {
    api_keys = {}
  }
  expect_failures = [var.api_keys]
}

run "a_key_named_as_the_tenant_of_the_topic" {
  command = plan
  variables {
    api_keys = { direct = {} }
  }
  expect_failures = [var.api_keys]
}

run "a_key_with_no_requests" {
  command = plan
  variables {
    api_keys = { a = { rate_limit_per_second = 0 } }
  }
  expect_failures = [var.api_keys]
}

run "half_a_request_a_day" {
  command = plan
  variables {
    api_keys = { a = { requests_per_day = 0.5 } }
  }
  expect_failures = [var.api_keys]
}

run "folders_for_tenants_that_are_arns" {
  command = plan
  variables {
    authorization   = "AWS_IAM"
    tenant_prefixes = true
  }
  expect_failures = [var.tenant_prefixes]
}

run "a_publisher_who_is_everybody" {
  command = plan
  variables {
    task_publishers = ["arn:aws:iam::123456789012:role/*"]
  }
  expect_failures = [var.task_publishers]
}

run "a_publisher_who_is_a_session" {
  command = plan
  variables {
    task_publishers = ["arn:aws:sts::123456789012:assumed-role/farm/session"]
  }
  expect_failures = [var.task_publishers]
}

run "records_that_go_before_their_tasks" {
  command = plan
  variables {
    task_retention_days = 7
  }
  expect_failures = [var.task_retention_days]
}

run "a_webhook_host_with_a_scheme" {
  command = plan
  variables {
    webhook = { allowed_hosts = ["https://hooks.example.com"] }
  }
  expect_failures = [var.webhook]
}

run "a_secret_before_the_first" {
  command = plan
  variables {
    webhook = { secret_version = 0 }
  }
  expect_failures = [var.webhook]
}
