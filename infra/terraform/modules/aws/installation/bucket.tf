data "aws_region" "current" {
  lifecycle {
    postcondition {
      condition     = self.name == var.region
      error_message = "region is ${var.region}, but the provider works in ${self.name}; give both the same one."
    }
  }
}

data "aws_caller_identity" "current" {
  count = var.account == null ? 0 : 1
  lifecycle {
    postcondition {
      condition     = self.account_id == var.account
      error_message = "account is ${coalesce(var.account, "absent")}, but the provider works in ${self.account_id}; use the credentials of the right account."
    }
  }
}

data "aws_partition" "current" {}

locals {
  # The store that tenants share, and those of their own.
  stores = merge({ shared = var.bucket }, { for tenant, bucket in var.tenant_buckets : "tenant/${tenant}" => bucket })
  arns   = { for store, bucket in local.stores : store => "arn:${data.aws_partition.current.partition}:s3:::${bucket}" }
}

resource "aws_s3_bucket" "store" {
  # checkov:skip=CKV_AWS_18: each request would write a log object, at the price of the request
  # checkov:skip=CKV_AWS_144: the log promises one winner for a key, which a replica does not
  # checkov:skip=CKV2_AWS_62: the functions send events themselves
  for_each      = local.stores
  bucket        = each.value
  force_destroy = var.destroy_data
}

resource "aws_s3_bucket_public_access_block" "store" {
  for_each                = local.stores
  bucket                  = aws_s3_bucket.store[each.key].bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "store" {
  for_each = local.stores
  bucket   = aws_s3_bucket.store[each.key].bucket
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "store" {
  for_each = local.stores
  bucket   = aws_s3_bucket.store[each.key].bucket
  rule {
    bucket_key_enabled = var.encryption_key != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.encryption_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.encryption_key
    }
  }
}

# Absent rather than suspended: where versions are suspended, each delete leaves a marker.
resource "aws_s3_bucket_versioning" "store" {
  for_each = { for store, bucket in local.stores : store => bucket if var.keep_deleted_days > 0 }
  bucket   = aws_s3_bucket.store[each.key].bucket
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "store" {
  # S3 applies rules for old versions only where versions exist; they stay after they are switched off.
  depends_on = [aws_s3_bucket_versioning.store]
  for_each   = local.stores
  bucket     = aws_s3_bucket.store[each.key].bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # A process that dies while it tests the store leaves these, and nothing reads them.
  rule {
    id     = "probes"
    status = "Enabled"
    filter {
      prefix = "${var.prefix}/probe/"
    }
    expiration {
      days = 1
    }
  }

  rule {
    id     = "deleted-objects"
    status = "Enabled"
    filter {}
    expiration {
      expired_object_delete_marker = true
    }
    noncurrent_version_expiration {
      noncurrent_days = max(1, var.keep_deleted_days)
    }
  }
}

resource "aws_s3_bucket_policy" "store" {
  # S3 checks a new policy against the block of public access.
  depends_on = [aws_s3_bucket_public_access_block.store]
  for_each   = local.stores
  bucket     = aws_s3_bucket.store[each.key].bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.arns[each.key], "${local.arns[each.key]}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "NoOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.arns[each.key], "${local.arns[each.key]}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ], flatten([for tenant, grants in local.own_grants : grants if each.key == "tenant/${tenant}"]))
  })
}

# Of an installation without buckets of tenants' own.
moved {
  from = aws_s3_bucket.store
  to   = aws_s3_bucket.store["shared"]
}

moved {
  from = aws_s3_bucket_public_access_block.store
  to   = aws_s3_bucket_public_access_block.store["shared"]
}

moved {
  from = aws_s3_bucket_ownership_controls.store
  to   = aws_s3_bucket_ownership_controls.store["shared"]
}

moved {
  from = aws_s3_bucket_server_side_encryption_configuration.store
  to   = aws_s3_bucket_server_side_encryption_configuration.store["shared"]
}

moved {
  from = aws_s3_bucket_versioning.store[0]
  to   = aws_s3_bucket_versioning.store["shared"]
}

moved {
  from = aws_s3_bucket_lifecycle_configuration.store
  to   = aws_s3_bucket_lifecycle_configuration.store["shared"]
}

moved {
  from = aws_s3_bucket_policy.store
  to   = aws_s3_bucket_policy.store["shared"]
}
