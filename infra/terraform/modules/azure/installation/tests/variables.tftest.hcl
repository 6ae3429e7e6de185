mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = { subscription_id = "00000000-1111-2222-3333-444444444444", object_id = "55555555-1111-2222-3333-444444444444" }
  }
}

variables {
  account = "00000000-1111-2222-3333-444444444444"
  region  = "germanywestcentral"
  bucket  = "acmetunelet"
  issuer  = "https://germanywestcentral.oic.prod-aks.azure.com/t/i/"
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
    bucket = "bbbbbbbbbbbbbbbbbbbbbbbbb"
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
    bucket        = "bbbbbbbbbbbbbbbbbbbbbbbb"
    trials_prefix = "tttttttttttttttttttttt"
    tenants       = ["tttttttttttttttttttttttttttttttttttttttt"]
  }
}

run "a_region_with_spaces_is_refused" {
  command = plan
  variables {
    region = "Germany West Central"
  }
  expect_failures = [var.region]
}

run "a_subscription_by_name_is_refused" {
  command = plan
  variables {
    account = "acme"
  }
  expect_failures = [var.account]
}

run "a_bucket_with_a_hyphen_is_refused" {
  command = plan
  variables {
    bucket = "acme-tunelet"
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

run "a_url_as_key_is_refused" {
  command = plan
  variables {
    encryption_key = "https://acme.vault.azure.net/keys/tunelet"
  }
  expect_failures = [var.encryption_key]
}

run "an_issuer_without_tls_is_refused" {
  command = plan
  variables {
    issuer = "http://oic.prod-aks.azure.com/"
  }
  expect_failures = [var.issuer]
}

run "a_provider_of_another_subscription_is_refused" {
  command = plan
  variables {
    account = "99999999-1111-2222-3333-444444444444"
  }
  expect_failures = [data.azurerm_client_config.current]
}

run "a_tenants_bucket_with_a_wrong_name_is_refused" {
  command = plan
  variables {
    tenant_buckets = { default = "acme--team-a" }
  }
  expect_failures = [var.tenant_buckets]
}

run "a_reserved_or_short_name_of_a_tenants_bucket_is_refused" {
  command = plan
  variables {
    tenant_buckets = { default = "ac" }
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
    tenant_buckets = { default = "store" }
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
