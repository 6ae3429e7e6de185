mock_provider "google" {
  mock_data "google_storage_project_service_account" {
    defaults = { email_address = "service-1@gs-project-accounts.iam.gserviceaccount.com" }
  }
}

variables {
  account = "acme-ml"
  region  = "europe-west3"
  bucket  = "acme-tunelet"
  issuer  = "acme-ml.svc.id.goog"
}

run "the_bucket_is_private_and_kept" {
  assert {
    condition     = google_storage_bucket.store["shared"].uniform_bucket_level_access && google_storage_bucket.store["shared"].public_access_prevention == "enforced"
    error_message = "ACLs give rights, or the public may read"
  }
  assert {
    condition     = google_storage_bucket.store["shared"].force_destroy == false && google_storage_bucket.store["shared"].location == "europe-west3"
    error_message = "terraform destroy deletes the experiments, or they are elsewhere"
  }
  assert {
    condition     = length(google_storage_bucket.store["shared"].encryption) == 0 && length(google_kms_crypto_key_iam_member.storage) == 0
    error_message = "a key is used without a request for it"
  }
}

run "what_is_unfinished_or_left_over_ends" {
  assert {
    condition = jsonencode([for rule in google_storage_bucket.store["shared"].lifecycle_rule : [one(rule.action).type, one(rule.condition).age, one(rule.condition).matches_prefix] if one(rule.condition).age != null]) == jsonencode([
      ["Delete", 1, ["experiments/probe/"]], ["AbortIncompleteMultipartUpload", 7, null],
    ])
    error_message = jsonencode(google_storage_bucket.store["shared"].lifecycle_rule)
  }
  assert {
    condition     = one(google_storage_bucket.store["shared"].versioning).enabled == false && one(google_storage_bucket.store["shared"].soft_delete_policy).retention_duration_seconds == 0
    error_message = "deleted objects are kept without a request for them"
  }
}

run "deleted_objects_are_kept_for_a_time" {
  variables {
    keep_deleted_days = 14
  }
  assert {
    condition     = one(google_storage_bucket.store["shared"].versioning).enabled
    error_message = "no versions are kept"
  }
  assert {
    condition     = [for rule in google_storage_bucket.store["shared"].lifecycle_rule : one(rule.condition).days_since_noncurrent_time if one(rule.condition).with_state == "ARCHIVED"] == [14]
    error_message = "versions do not end after the time"
  }
}

run "a_key_of_ones_own_is_used_by_cloud_storage_only" {
  variables {
    encryption_key = "projects/acme-ml/locations/europe-west3/keyRings/tunelet/cryptoKeys/store"
  }
  assert {
    condition     = one(google_storage_bucket.store["shared"].encryption).default_kms_key_name == var.encryption_key
    error_message = "the bucket uses another key"
  }
  assert {
    condition     = one(google_kms_crypto_key_iam_member.storage).member == "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com" && one(google_kms_crypto_key_iam_member.storage).crypto_key_id == var.encryption_key
    error_message = "Cloud Storage may not use the key"
  }
}

run "the_outputs_are_what_the_overlay_takes" {
  assert {
    condition     = output.store_url == "gs://acme-tunelet/experiments" && output.environment == tomap({}) && output.overlay == "knative"
    error_message = output.store_url
  }
  assert {
    condition     = output.trials_namespaces == { default = "tunelet-trials-default" } && output.launcher == "kubernetes://?prefix=tunelet-trials-"
    error_message = output.launcher
  }
}
