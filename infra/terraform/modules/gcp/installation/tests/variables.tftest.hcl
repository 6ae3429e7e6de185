mock_provider "google" {}

variables {
  account = "acme-ml"
  region  = "europe-west3"
  bucket  = "acme-tunelet"
  issuer  = "acme-ml.svc.id.goog"
}

run "a_name_too_long_is_refused" {
  command = plan
  variables {
    name = "seventeen-letters"
  }
  expect_failures = [var.name]
}

run "a_name_that_ends_with_a_hyphen_is_refused" {
  command = plan
  variables {
    name = "tunelet-"
  }
  expect_failures = [var.name]
}

run "a_bucket_too_long_is_refused" {
  command = plan
  variables {
    bucket = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  }
  expect_failures = [var.bucket]
}

run "a_bucket_with_capitals_is_refused" {
  command = plan
  variables {
    bucket = "Acme"
  }
  expect_failures = [var.bucket]
}

run "a_bucket_with_a_full_stop_is_refused" {
  command = plan
  variables {
    bucket = "acme.tunelet"
  }
  expect_failures = [var.bucket]
}

run "a_prefix_with_a_wildcard_is_refused" {
  command = plan
  variables {
    prefix = "exp*"
  }
  expect_failures = [var.prefix]
}

run "a_prefix_that_ends_with_a_slash_is_refused" {
  command = plan
  variables {
    prefix = "experiments/"
  }
  expect_failures = [var.prefix]
}

run "an_empty_prefix_is_refused" {
  command = plan
  variables {
    prefix = ""
  }
  expect_failures = [var.prefix]
}

run "a_part_of_a_day_is_refused" {
  command = plan
  variables {
    keep_deleted_days = 0.5
  }
  expect_failures = [var.keep_deleted_days]
}

run "negative_days_is_refused" {
  command = plan
  variables {
    keep_deleted_days = -1
  }
  expect_failures = [var.keep_deleted_days]
}

run "an_unknown_overlay_is_refused" {
  command = plan
  variables {
    overlay = "dev"
  }
  expect_failures = [var.overlay]
}

run "a_namespace_with_capitals_is_refused" {
  command = plan
  variables {
    kubernetes_namespace = "Tunelet"
  }
  expect_failures = [var.kubernetes_namespace]
}

run "a_prefix_of_namespaces_too_long_is_refused" {
  command = plan
  variables {
    trials_prefix = "ttttttttttttttttttttttt"
  }
  expect_failures = [var.trials_prefix]
}

run "a_tenant_with_a_wildcard_is_refused" {
  command = plan
  variables {
    tenants = ["team-*"]
  }
  expect_failures = [var.tenants]
}

run "a_tenant_too_long_is_refused" {
  command = plan
  variables {
    tenants = ["ttttttttttttttttttttttttttttttttttttttttt"]
  }
  expect_failures = [var.tenants]
}

run "the_longest_names_are_accepted" {
  command = plan
  variables {
    name          = "sixteen-letters1"
    bucket        = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    trials_prefix = "tttttttttttttttttttttt"
    tenants       = ["tttttttttttttttttttttttttttttttttttttttt"]
  }
}

run "a_zone_as_region_is_refused" {
  command = plan
  variables {
    region = "europe-west3-a"
  }
  expect_failures = [var.region]
}

run "a_multiple_region_is_refused" {
  command = plan
  variables {
    region = "EU"
  }
  expect_failures = [var.region]
}

run "a_project_by_number_is_refused" {
  command = plan
  variables {
    account = "123456789012"
  }
  expect_failures = [var.account]
}

run "a_bucket_with_the_word_google_is_refused" {
  command = plan
  variables {
    bucket = "acme-google"
  }
  expect_failures = [var.bucket]
}

run "a_prefix_with_a_quotation_mark_is_refused" {
  command = plan
  variables {
    prefix = "exp'"
  }
  expect_failures = [var.prefix]
}

run "a_version_of_a_key_is_refused" {
  command = plan
  variables {
    encryption_key = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
  }
  expect_failures = [var.encryption_key]
}

run "a_url_as_issuer_is_refused" {
  command = plan
  variables {
    issuer = "https://container.googleapis.com/v1/projects/acme-ml"
  }
  expect_failures = [var.issuer]
}

run "a_tenants_bucket_with_a_wrong_name_is_refused" {
  command = plan
  variables {
    tenant_buckets = { default = "acme.team-a" }
  }
  expect_failures = [var.tenant_buckets]
}

run "a_reserved_or_short_name_of_a_tenants_bucket_is_refused" {
  command = plan
  variables {
    tenant_buckets = { default = "google-team-a" }
  }
  expect_failures = [var.tenant_buckets]
}

run "a_bucket_of_no_tenant_is_refused" {
  command = plan
  variables {
    tenant_buckets = { team-z = "acme-team-z" }
  }
  expect_failures = [var.tenant_buckets]
}

run "the_shared_bucket_as_a_tenants_is_refused" {
  command = plan
  variables {
    bucket         = "acme-shared"
    tenant_buckets = { default = "acme-shared" }
  }
  expect_failures = [var.tenant_buckets]
}

run "one_bucket_for_two_tenants_is_refused" {
  command = plan
  variables {
    tenants        = ["default", "team-b"]
    tenant_buckets = { default = "acme-both", team-b = "acme-both" }
  }
  expect_failures = [var.tenant_buckets]
}
