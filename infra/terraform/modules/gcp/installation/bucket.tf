locals {
  # The store that tenants share, and those of their own.
  stores = merge({ shared = var.bucket }, { for tenant, bucket in var.tenant_buckets : "tenant/${tenant}" => bucket })
}

resource "google_storage_bucket" "store" {
  # checkov:skip=CKV_GCP_62: each request would be logged, at the price of the request
  for_each      = local.stores
  project       = var.account
  name          = each.value
  location      = var.region
  storage_class = "STANDARD"
  force_destroy = var.destroy_data
  # The key's grant comes first, or Cloud Storage refuses the bucket.
  depends_on = [google_kms_crypto_key_iam_member.storage]

  # Rights come from IAM alone: conditions on names of objects have no effect beside ACLs.
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  dynamic "encryption" {
    for_each = var.encryption_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }

  # The default keeps each of the log's short-lived objects for a week, and charges for it.
  soft_delete_policy {
    retention_duration_seconds = 0
  }
  versioning {
    enabled = var.keep_deleted_days > 0
  }

  # A process that dies while it tests the store leaves these, and nothing reads them.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 1
      matches_prefix = ["${var.prefix}/probe/"]
      with_state     = "LIVE"
    }
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }
  # Also without versions: they stay after they are switched off.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = max(1, var.keep_deleted_days)
      with_state                 = "ARCHIVED"
    }
  }
}

# Cloud Storage itself encrypts with the key, so no function needs a right on it.
data "google_storage_project_service_account" "storage" {
  count   = var.encryption_key == null ? 0 : 1
  project = var.account
}

resource "google_kms_crypto_key_iam_member" "storage" {
  count         = var.encryption_key == null ? 0 : 1
  crypto_key_id = var.encryption_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${data.google_storage_project_service_account.storage[0].email_address}"
}

# Of an installation without buckets of tenants' own.
moved {
  from = google_storage_bucket.store
  to   = google_storage_bucket.store["shared"]
}
