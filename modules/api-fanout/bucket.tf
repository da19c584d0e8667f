# ---------------------------------------------------------------------------------------------
# Output bucket: pictures, the runtimes' full answers, and task payloads too large for SNS
# ---------------------------------------------------------------------------------------------

locals {
  # As contract/easel_contract/storage.py has it; no task's own prefix can begin with "_".
  payload_prefix = "_easel/payloads/"
}

resource "aws_s3_bucket" "output" {
  #checkov:skip=CKV_AWS_18:An access log would need a second bucket that outlives this one; CloudTrail data events serve those who need it
  #checkov:skip=CKV_AWS_144:Pictures can be drawn again from their task; a copy in a second region doubles the cost
  #checkov:skip=CKV2_AWS_62:Users learn of new pictures from the notifications topic
  bucket        = "${var.name}-outputs-${var.account_id}-${local.region}"
  force_destroy = var.output_bucket.force_destroy

  # A bucket that is not empty refuses to go. As the key can only go after it, the pictures that
  # are kept stay readable.
  depends_on = [aws_kms_key.this]
}

resource "aws_s3_bucket_ownership_controls" "output" {
  bucket = aws_s3_bucket.output.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "output" {
  bucket                  = aws_s3_bucket.output.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "output" {
  bucket = aws_s3_bucket.output.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "output" {
  bucket = aws_s3_bucket.output.id

  versioning_configuration {
    status = "Enabled"
  }
}

data "aws_iam_policy_document" "output_bucket" {
  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.output.arn, "${aws_s3_bucket.output.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "output" {
  bucket = aws_s3_bucket.output.id
  policy = data.aws_iam_policy_document.output_bucket.json

  # S3 answers OperationAborted to two changes of one bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.output]
}

resource "aws_s3_bucket_lifecycle_configuration" "output" {
  bucket = aws_s3_bucket.output.id

  rule {
    id     = "abort-multipart-uploads"
    status = "Enabled"

    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "expire-noncurrent-versions"
    status = "Enabled"

    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.output_bucket.expire_noncurrent_after_days
    }
  }

  rule {
    id     = "expire-payloads"
    status = "Enabled"

    filter {
      prefix = local.payload_prefix
    }
    expiration {
      days = var.output_bucket.expire_payloads_after_days
    }
  }

  dynamic "rule" {
    for_each = var.output_bucket.expire_outputs_after_days[*]

    content {
      id     = "expire-outputs"
      status = "Enabled"

      filter {}
      expiration {
        days = rule.value
      }
    }
  }

  # Noncurrent versions exist only in a versioned bucket.
  depends_on = [aws_s3_bucket_versioning.output]
}
