# What modules/runtime refuses, before anything is made.

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
}

run "stack_name_with_an_underscore" {
  command = plan
  variables {
    stack_name = "my_easel"
  }
  expect_failures = [var.stack_name]
}

run "probe_function_by_its_arn" {
  command = plan
  variables {
    probe_function_name = "arn:aws:lambda:us-east-1:123456789012:function:easel-probe"
  }
  expect_failures = [var.probe_function_name]
}

run "name_with_a_space" {
  command = plan
  variables {
    name = "sd runtime"
  }
  expect_failures = [var.name]
}

run "name_too_long" {
  command = plan
  variables {
    name = "a23456789-123456789-123456789-123"
  }
  expect_failures = [var.name]
}

run "unknown_type" {
  command = plan
  variables {
    type = "invokeai"
  }
  expect_failures = [var.type]
}

run "model_filename_with_a_folder" {
  command = plan
  variables {
    model_filename = "Stable-diffusion/a.safetensors"
  }
  expect_failures = [var.model_filename]
}

run "account_id_with_hyphens" {
  command = plan
  variables {
    account_id = "1234-5678-9012"
  }
  expect_failures = [var.account_id]
}

run "queue_for_a_topic" {
  command = plan
  variables {
    tasks_topic_arn = "arn:aws:sqs:us-east-1:123456789012:easel-tasks"
  }
  expect_failures = [var.tasks_topic_arn]
}

run "name_for_a_topics_arn" {
  command = plan
  variables {
    notifications_topic_arn = "easel-notifications"
  }
  expect_failures = [var.notifications_topic_arn]
}

run "name_for_a_buckets_arn" {
  command = plan
  variables {
    output_bucket_arn = "easel-outputs"
  }
  expect_failures = [var.output_bucket_arn]
}

run "alias_for_a_key" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/easel"
  }
  expect_failures = [var.kms_key_arn]
}

run "visibility_timeout_too_short_for_a_heartbeat" {
  command = plan
  variables {
    queue = { visibility_timeout_seconds = 10 }
  }
  expect_failures = [aws_sqs_queue.task]
}

run "retention_as_long_as_a_dead_letters" {
  command = plan
  variables {
    queue = { retention_seconds = 1209600 }
  }
  expect_failures = [var.queue]
}

run "dead_letters_that_vanish_as_they_come" {
  command = plan
  variables {
    queue = { retention_seconds = 345600, dead_letter_retention_seconds = 345600 }
  }
  expect_failures = [var.queue]
}

run "no_attempt_at_all" {
  command = plan
  variables {
    queue = { max_attempts = 0 }
  }
  expect_failures = [aws_sqs_queue.task]
}

run "task_longer_than_its_message_may_be_hidden" {
  command = plan
  variables {
    agent = { task_timeout_seconds = 50000 }
  }
  expect_failures = [aws_sqs_queue.task]
}

run "half_a_second_of_back_off" {
  command = plan
  variables {
    agent = { back_off_seconds = 0.5 }
  }
  expect_failures = [aws_sqs_queue.task]
}

run "no_level_of_logs" {
  command = plan
  variables {
    agent = { log_level = "LOUD" }
  }
  expect_failures = [aws_sqs_queue.task]
}

run "cluster_without_models" {
  command = plan
  variables {
    cluster = { name = "easel", node_role_name = "nodes" }
  }
  expect_failures = [var.models]
}

run "models_with_a_path" {
  command = plan
  variables {
    models = { bucket_arn = "arn:aws:s3:::models/folder" }
  }
  expect_failures = [var.models]
}

run "models_prefix_that_leaves_its_folder" {
  command = plan
  variables {
    models = { bucket_arn = "arn:aws:s3:::models", prefix = "/webui/" }
  }
  expect_failures = [var.models]
}

run "image_without_a_version" {
  command = plan
  variables {
    images = { agent = { repository = "r.example/agent" } }
  }
  expect_failures = [var.images]
}

run "no_tasks_for_a_pod" {
  command = plan
  variables {
    scaling = { queue_length = 0 }
  }
  expect_failures = [var.scaling]
}

run "more_pods_at_least_than_at_most" {
  command = plan
  variables {
    scaling = { min_replica_count = 6 }
  }
  expect_failures = [var.scaling]
}

run "negative_cooldown" {
  command = plan
  variables {
    scaling = { cooldown_seconds = -1 }
  }
  expect_failures = [var.scaling]
}

run "no_instance_types" {
  command = plan
  variables {
    nodes = { instance_types = [] }
  }
  expect_failures = [var.nodes]
}

run "unknown_capacity_type" {
  command = plan
  variables {
    nodes = { capacity_types = ["reserved"] }
  }
  expect_failures = [var.nodes]
}

run "malformed_snapshot" {
  command = plan
  variables {
    nodes = { snapshot_id = "vol-0123456789abcdef0" }
  }
  expect_failures = [var.nodes]
}

run "snapshot_cache_without_a_snapshot" {
  command = plan
  variables {
    nodes = { image_cache = "ebsSnapshot" }
  }
  expect_failures = [var.nodes]
}

run "instance_store_over_a_snapshot" {
  command = plan
  variables {
    nodes = { snapshot_id = "snap-0123456789abcdef0", instance_store_policy = "RAID0" }
  }
  expect_failures = [var.nodes]
}

run "tiny_data_volume" {
  command = plan
  variables {
    nodes = { data_volume_gib = 8 }
  }
  expect_failures = [var.nodes]
}

run "initialization_rate_out_of_range" {
  command = plan
  variables {
    nodes = { snapshot_id = "snap-0123456789abcdef0", volume_initialization_rate = 50 }
  }
  expect_failures = [var.nodes]
}

run "initialization_rate_without_a_snapshot" {
  command = plan
  variables {
    nodes = { volume_initialization_rate = 200 }
  }
  expect_failures = [var.nodes]
}

run "namespace_in_capitals" {
  command = plan
  variables {
    namespace = "Pictures"
  }
  expect_failures = [var.namespace]
}

run "extra_values_that_are_a_list" {
  command = plan
  variables {
    extra_values_yaml = "- a"
  }
  expect_failures = [var.extra_values_yaml]
}

run "name_of_anothers_dead_letter_queue" {
  command = plan
  variables {
    name = "sdruntime-dead-letter"
  }
  expect_failures = [var.name]
}

run "alias_for_the_inputs_key" {
  command = plan
  variables {
    input_kms_key_arns = ["arn:aws:kms:us-east-1:123456789012:alias/inputs"]
  }
  expect_failures = [var.input_kms_key_arns]
}

run "release_without_time" {
  command = plan
  variables {
    release_timeout_seconds = 60
  }
  expect_failures = [var.release_timeout_seconds]
}

run "release_that_ends_before_its_pods" {
  command = plan
  variables {
    release_timeout_seconds = 1800
    extra_values_yaml       = "agent: {settings: {taskTimeoutSeconds: 1800}}"
  }
  expect_failures = [var.release_timeout_seconds]
}

run "records_that_are_no_table" {
  command = plan
  variables {
    records = { table_name = "t", table_arn = "arn:aws:s3:::t" }
  }
  expect_failures = [var.records]
}

run "a_price_below_nothing" {
  command = plan
  variables {
    price = { per_hour = -1 }
  }
  expect_failures = [var.price]
}

run "a_currency_that_is_none" {
  command = plan
  variables {
    price = { per_hour = 1, currency = "dollars" }
  }
  expect_failures = [var.price]
}
