mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = { subscription_id = "00000000-1111-2222-3333-444444444444", object_id = "55555555-1111-2222-3333-444444444444" }
  }
  mock_resource "azurerm_storage_account" {
    defaults = { id = "/subscriptions/s/resourceGroups/tunelet-store/providers/Microsoft.Storage/storageAccounts/acmetunelet" }
  }
}

variables {
  account = "00000000-1111-2222-3333-444444444444"
  region  = "germanywestcentral"
  bucket  = "acmetunelet"
  issuer  = "https://germanywestcentral.oic.prod-aks.azure.com/t/i/"
  # The guard would refuse the end of each test.
  destroy_data = true
}

run "the_account_is_private_and_encrypted" {
  assert {
    condition = alltrue([
      !azurerm_storage_account.store.shared_access_key_enabled,
      !azurerm_storage_account.store.local_user_enabled,
      !azurerm_storage_account.store.allow_nested_items_to_be_public,
      !azurerm_storage_account.store.cross_tenant_replication_enabled,
      azurerm_storage_container.store["shared"].container_access_type == "private",
    ])
    error_message = "a key, a local user, the public or another tenant may read"
  }
  assert {
    condition     = azurerm_storage_account.store.https_traffic_only_enabled && azurerm_storage_account.store.min_tls_version == "TLS1_2"
    error_message = "requests without TLS 1.2 are accepted"
  }
  assert {
    condition     = length(azurerm_storage_account.store.customer_managed_key) == 0 && length(azurerm_role_assignment.encryption) == 0
    error_message = "a key is used without a request for it"
  }
}

run "what_is_left_over_ends" {
  assert {
    condition = jsonencode([for rule in azurerm_storage_management_policy.store.rule : [one(rule.filters).prefix_match, one(one(rule.actions).base_blob).delete_after_days_since_creation_greater_than] if length(one(rule.actions).base_blob) > 0]) == jsonencode([
      [["store/experiments/probe/"], 1],
    ])
    error_message = "objects other than probes expire, or probes stay"
  }
  assert {
    condition     = one(azurerm_storage_account.store.blob_properties).versioning_enabled == false && length(one(azurerm_storage_account.store.blob_properties).delete_retention_policy) == 0
    error_message = "deleted objects are kept without a request for them"
  }
}

run "deleted_objects_are_kept_for_a_time" {
  variables {
    keep_deleted_days = 14
  }
  assert {
    condition     = one(azurerm_storage_account.store.blob_properties).versioning_enabled && one(one(azurerm_storage_account.store.blob_properties).delete_retention_policy).days == 14
    error_message = "no versions are kept"
  }
  assert {
    condition     = flatten([for rule in azurerm_storage_management_policy.store.rule : [for version in one(rule.actions).version : version.delete_after_days_since_creation]]) == [14]
    error_message = "versions do not end after the time"
  }
}

run "a_key_of_ones_own_is_used_by_storage_only" {
  variables {
    encryption_key = "/subscriptions/s/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/acme/keys/store"
  }
  assert {
    condition     = one(azurerm_storage_account.store.customer_managed_key).key_vault_key_id == "https://acme.vault.azure.net/keys/store"
    error_message = "the account uses another key"
  }
  assert {
    condition     = one(azurerm_role_assignment.encryption).scope == var.encryption_key && one(azurerm_role_assignment.encryption).principal_id == one(azurerm_user_assigned_identity.encryption).principal_id
    error_message = "Storage may not use the key"
  }
}

run "the_outputs_are_what_the_overlay_takes" {
  assert {
    condition     = output.store_url == "az://store/experiments" && output.environment == tomap({ AZURE_STORAGE_ACCOUNT = "acmetunelet", TUNELET_STORE_CLIENT = "azure" }) && output.overlay == "knative"
    error_message = output.store_url
  }
  assert {
    condition     = output.trials_namespaces == { default = "tunelet-trials-default" } && output.launcher == "kubernetes://?prefix=tunelet-trials-&pod_labels=azure.workload.identity/use%3Dtrue"
    error_message = output.launcher
  }
}
