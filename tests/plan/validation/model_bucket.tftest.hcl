# What modules/model-bucket refuses, before anything is made.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  bucket = "easel-models-123456789012-us-east-1"
}

run "bucket_by_its_arn" {
  command = plan
  variables {
    bucket = "arn:aws:s3:::easel-models"
  }
  expect_failures = [var.bucket]
}

run "bucket_with_capitals" {
  command = plan
  variables {
    bucket = "Easel-models"
  }
  expect_failures = [var.bucket]
}

run "key_by_its_alias" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/models"
  }
  expect_failures = [var.kms_key_arn]
}

run "versions_that_are_never_kept" {
  command = plan
  variables {
    expire_noncurrent_after_days = 0
  }
  expect_failures = [var.expire_noncurrent_after_days]
}

run "half_a_day" {
  command = plan
  variables {
    expire_noncurrent_after_days = 1.5
  }
  expect_failures = [var.expire_noncurrent_after_days]
}
