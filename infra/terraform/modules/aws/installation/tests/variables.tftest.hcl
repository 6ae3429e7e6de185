mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
}

variables {
  region = "eu-central-1"
  bucket = "acme-tunelet"
  issuer = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
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

run "a_region_without_a_number_is_refused" {
  command = plan
  variables {
    region = "eu-central"
  }
  expect_failures = [var.region]
}

run "a_zone_as_region_is_refused" {
  command = plan
  variables {
    region = "eu-central-1a"
  }
  expect_failures = [var.region]
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

run "a_directory_bucket_is_refused" {
  command = plan
  variables {
    bucket = "acme--euc1-az1--x-s3"
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

run "a_prefix_with_a_variable_of_policies_is_refused" {
  command = plan
  variables {
    prefix = "$${aws:username}"
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

run "an_alias_as_key_is_refused" {
  command = plan
  variables {
    encryption_key = "arn:aws:kms:eu-central-1:111122223333:alias/tunelet"
  }
  expect_failures = [var.encryption_key]
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

run "a_role_instead_of_the_oidc_provider_is_refused" {
  command = plan
  variables {
    issuer = "arn:aws:iam::111122223333:role/tunelet"
  }
  expect_failures = [var.issuer]
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

run "an_account_by_name_is_refused" {
  command = plan
  variables {
    account = "acme"
  }
  expect_failures = [var.account]
}

run "a_provider_of_another_account_is_refused" {
  command = plan
  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "444455556666" }
  }
  variables {
    account = "111122223333"
  }
  expect_failures = [data.aws_caller_identity.current]
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
    tenant_buckets = { default = "acme--euc1-az1--x-s3" }
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
