# ---------------------------------------------------------------------------------------------
# Records: one item for each task, one for each idempotency key
# ---------------------------------------------------------------------------------------------

locals {
  # Names as contract/easel_contract/record.py has them; a test keeps them alike.
  record_indexes = {
    by_label  = "label"
    by_scope  = "scope"
    by_active = "active"
  }

  # Partition keys begin with these, and a role may touch those that are its business.
  record_keys = { tasks = "task/*", idempotency = "idempotency/*" }
}

resource "aws_dynamodb_table" "records" {
  name         = "${var.name}-records"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"

  dynamic "attribute" {
    for_each = toset(concat(["pk", "uid"], values(local.record_indexes)))

    content {
      name = attribute.value
      type = "S"
    }
  }

  # Keys only: these are written when a task is accepted and, of by_active, when its state changes;
  # what a list shows is read from the items themselves.
  dynamic "global_secondary_index" {
    for_each = local.record_indexes

    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value
      range_key       = "uid"
      projection_type = "KEYS_ONLY"
    }
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this.arn
  }
}
