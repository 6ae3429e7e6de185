mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "42" }
  }
}

variables {
  account = "acme-ml"
  region  = "europe-west3"
  bucket  = "acme-tunelet"
  issuer  = "acme-ml.svc.id.goog"
  tenants = ["default", "team-a"]
}

run "each_function_and_each_tenant_is_a_principal_of_its_own" {
  assert {
    condition = toset([for each in google_storage_bucket_iam_member.store : each.member]) == toset([for account in [
      "tunelet/sa/tunelet-api", "tunelet/sa/tunelet-suggest", "tunelet/sa/tunelet-launch", "tunelet/sa/tunelet-complete",
      "tunelet/sa/tunelet-sweep", "tunelet/sa/tunelet-deadletter",
      "tunelet-trials-default/sa/default", "tunelet-trials-team-a/sa/default",
    ] : "principal://iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/acme-ml.svc.id.goog/subject/ns/${account}"])
    error_message = jsonencode([for each in google_storage_bucket_iam_member.store : each.member])
  }
  assert {
    condition     = length(output.service_accounts) == 8 && alltrue([for given in output.service_accounts : length(given.annotations) + length(given.pod_labels) == 0])
    error_message = jsonencode(output.service_accounts)
  }
}

run "no_role_has_a_permission_beyond_objects_and_each_grant_is_bound_to_the_prefix" {
  assert {
    condition = toset(flatten([for role in google_project_iam_custom_role.store : role.permissions])) == toset([
    "storage.objects.get", "storage.objects.create", "storage.objects.delete", "storage.objects.list"])
    error_message = "the permissions differ from those that adapters/storage needs"
  }
  assert {
    condition = alltrue(flatten([for each in google_storage_bucket_iam_member.store : [for expression in split(" || ", one(each.condition).expression) :
    can(regex("^(resource\\.name(\\.startsWith\\(| == )'projects/_/buckets/acme-tunelet/objects/experiments/|api\\.getAttribute\\('storage\\.googleapis\\.com/objectListPrefix', ''\\)\\.startsWith\\('experiments/)[a-z]", expression))]]))
    error_message = jsonencode([for each in google_storage_bucket_iam_member.store : one(each.condition).expression])
  }
  # As IAM limits it.
  assert {
    condition     = alltrue([for each in google_storage_bucket_iam_member.store : length(regexall("\\|\\||&&", one(each.condition).expression)) <= 12])
    error_message = "IAM refuses a condition with more than twelve operators"
  }
}

run "a_tenant_reaches_its_own_checkpoints_only" {
  assert {
    condition = { for name, each in google_storage_bucket_iam_member.store : name => one(each.condition).expression if startswith(name, "tunelet-trials-team-a/") } == {
      "tunelet-trials-team-a/default read write delete" = join("", [
        "resource.name.startsWith('projects/_/buckets/acme-tunelet/objects/experiments/v1/team-a/') && ",
        "resource.name.extract('projects/_/buckets/acme-tunelet/objects/experiments/v1/team-a/{key}').extract('/trials/{key}').extract('/{number}/') != ''",
      ])
      "tunelet-trials-team-a/default list" = "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('experiments/v1/team-a/')"
    }
    error_message = jsonencode(google_storage_bucket_iam_member.store["tunelet-trials-team-a/default read write delete"].condition)
  }
}

run "deadletter_writes_dead_letters_only" {
  assert {
    condition = { for name, each in google_storage_bucket_iam_member.store : name => one(each.condition).expression if startswith(name, "tunelet/tunelet-deadletter ") && !endswith(name, " list") } == {
      "tunelet/tunelet-deadletter write delete" = "resource.name.startsWith('projects/_/buckets/acme-tunelet/objects/experiments/dead/')"
      "tunelet/tunelet-deadletter read"         = "resource.name == 'projects/_/buckets/acme-tunelet/objects/experiments/v1/ready'"
    }
    error_message = jsonencode(keys(google_storage_bucket_iam_member.store))
  }
  assert {
    condition     = google_storage_bucket_iam_member.store["tunelet/tunelet-deadletter write delete"].role == google_project_iam_custom_role.store["write_delete"].name && toset(google_project_iam_custom_role.store["write_delete"].permissions) == toset(["storage.objects.create", "storage.objects.delete"])
    error_message = jsonencode(google_project_iam_custom_role.store)
  }
}

run "only_api_reads_dead_letters" {
  assert {
    condition     = [for name, each in google_storage_bucket_iam_member.store : name if strcontains(one(each.condition).expression, "/objects/experiments/dead/") && contains(split(" ", name), "read")] == ["tunelet/tunelet-api read write delete"]
    error_message = "another function reads dead letters"
  }
}

run "the_plain_overlay_has_one_account" {
  variables {
    overlay = "plain"
    tenants = []
  }
  assert {
    condition     = keys(output.service_accounts) == ["tunelet/tunelet"] && strcontains(one(google_storage_bucket_iam_member.store["tunelet/tunelet read write delete"].condition).expression, "/dead/")
    error_message = jsonencode(keys(output.service_accounts))
  }
}

run "a_tenant_with_a_bucket_of_its_own_has_its_rights_there_only" {
  variables {
    tenant_buckets = { team-a = "acme-team-a" }
  }
  assert {
    condition     = output.stores == { team-a = { url = "gs://acme-team-a/experiments" } } && output.store_url == "gs://acme-tunelet/experiments"
    error_message = jsonencode(output.stores)
  }
  assert {
    condition = { for name, each in google_storage_bucket_iam_member.store : name => [each.bucket, one(each.condition).expression] if startswith(name, "tunelet-trials-team-a/") } == {
      "tunelet-trials-team-a/default read write delete tenant/team-a" = ["acme-team-a", join("", [
        "resource.name.startsWith('projects/_/buckets/acme-team-a/objects/experiments/v1/team-a/') && ",
        "resource.name.extract('projects/_/buckets/acme-team-a/objects/experiments/v1/team-a/{key}').extract('/trials/{key}').extract('/{number}/') != ''",
      ])]
      "tunelet-trials-team-a/default list tenant/team-a" = ["acme-team-a", "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('experiments/v1/team-a/')"]
    }
    error_message = jsonencode(keys(google_storage_bucket_iam_member.store))
  }
  assert {
    condition     = alltrue([for name, each in google_storage_bucket_iam_member.store : each.bucket == "acme-tunelet" if startswith(name, "tunelet-trials-default/")])
    error_message = "another tenant has rights in the bucket"
  }
}

run "functions_have_the_same_rights_in_a_tenants_bucket_as_in_the_shared_one" {
  variables {
    tenant_buckets = { team-a = "acme-team-a" }
  }
  assert {
    condition = toset([for name, each in google_storage_bucket_iam_member.store : jsonencode([each.member, each.role, each.condition]) if startswith(name, "tunelet/") && each.bucket == "acme-tunelet"]) == toset([
    for name, each in google_storage_bucket_iam_member.store : replace(jsonencode([each.member, each.role, each.condition]), "acme-team-a", "acme-tunelet") if startswith(name, "tunelet/") && each.bucket == "acme-team-a"])
    error_message = jsonencode(keys(google_storage_bucket_iam_member.store))
  }
  assert {
    condition     = length([for each in google_storage_bucket_iam_member.store : each if each.bucket == "acme-team-a"]) > 10
    error_message = "functions have no rights in the tenant's bucket"
  }
}

run "a_tenants_bucket_is_protected_as_the_shared_one" {
  variables {
    tenant_buckets    = { team-a = "acme-team-a" }
    keep_deleted_days = 14
    encryption_key    = "projects/acme-ml/locations/europe-west3/keyRings/tunelet/cryptoKeys/store"
  }
  assert {
    condition = length(google_storage_bucket.store) == 2 && length(distinct([for each in google_storage_bucket.store : jsonencode([
      each.location, each.force_destroy, each.uniform_bucket_level_access, each.public_access_prevention, one(each.encryption).default_kms_key_name, one(each.soft_delete_policy).retention_duration_seconds, each.versioning, each.lifecycle_rule,
    ])])) == 1
    error_message = "a setting of the tenant's bucket differs"
  }
}
