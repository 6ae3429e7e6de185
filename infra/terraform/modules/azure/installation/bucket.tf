data "azurerm_client_config" "current" {
  lifecycle {
    postcondition {
      condition     = self.subscription_id == var.account
      error_message = "account is ${var.account}, but the provider works in ${self.subscription_id}; give both the same one."
    }
  }
}

locals {
  # Containers in the storage account, which belongs to one installation alone.
  # The store that tenants share, and those of their own.
  stores = merge({ shared = "store" }, { for tenant, bucket in var.tenant_buckets : "tenant/${tenant}" => bucket })
  # .../vaults/NAME/keys/KEY
  key = var.encryption_key == null ? null : split("/", var.encryption_key)
}

resource "azurerm_resource_group" "store" {
  name     = "${var.name}-store"
  location = var.region
  tags     = { tunelet = var.name }
}

resource "azurerm_storage_account" "store" {
  # checkov:skip=CKV_AZURE_33: there is no queue
  # checkov:skip=CKV_AZURE_59: people reach the store from outside, by tokens of Entra ID only
  # checkov:skip=CKV_AZURE_206: three zones; a copy in another region would lag, and the log promises that it does not
  # checkov:skip=CKV2_AZURE_33: a private endpoint costs money for each hour; the subnet has a service endpoint
  name                     = var.bucket
  resource_group_name      = azurerm_resource_group.store.name
  location                 = azurerm_resource_group.store.location
  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = "ZRS"
  tags                     = { tunelet = var.name }

  # Rights come from Entra ID alone: an account's key has no conditions.
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  https_traffic_only_enabled       = true
  min_tls_version                  = "TLS1_2"

  dynamic "identity" {
    for_each = azurerm_user_assigned_identity.encryption
    content {
      type         = "UserAssigned"
      identity_ids = [identity.value.id]
    }
  }
  dynamic "customer_managed_key" {
    for_each = azurerm_user_assigned_identity.encryption
    content {
      key_vault_key_id          = "https://${local.key[8]}.vault.azure.net/keys/${local.key[10]}"
      user_assigned_identity_id = customer_managed_key.value.id
    }
  }

  blob_properties {
    versioning_enabled = var.keep_deleted_days > 0
    dynamic "delete_retention_policy" {
      for_each = var.keep_deleted_days > 0 ? [var.keep_deleted_days] : []
      content {
        days = delete_retention_policy.value
      }
    }
    container_delete_retention_policy {
      days = 7
    }
  }
  # The key's grant comes first, or Azure refuses the key.
  depends_on = [azurerm_role_assignment.encryption]
}

resource "azurerm_storage_container" "store" {
  # checkov:skip=CKV2_AZURE_21: each request would be logged, at the price of the request
  for_each              = local.stores
  name                  = each.value
  storage_account_id    = azurerm_storage_account.store.id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "store" {
  storage_account_id = azurerm_storage_account.store.id

  # A process that dies while it tests the store leaves these, and nothing reads them. Unfinished uploads
  # end by themselves after a week.
  rule {
    name    = "probes"
    enabled = true
    filters {
      blob_types   = ["blockBlob"]
      prefix_match = [for container in values(local.stores) : "${container}/${var.prefix}/probe/"]
    }
    actions {
      base_blob {
        delete_after_days_since_creation_greater_than = 1
      }
    }
  }
  # Also without versions: they stay after they are switched off.
  rule {
    name    = "deleted-objects"
    enabled = true
    filters {
      blob_types = ["blockBlob"]
    }
    actions {
      version {
        delete_after_days_since_creation = max(1, var.keep_deleted_days)
      }
    }
  }
}

# Storage itself encrypts with the key, so no function needs a right on it.
resource "azurerm_user_assigned_identity" "encryption" {
  count               = var.encryption_key == null ? 0 : 1
  name                = "${var.name}-encryption"
  resource_group_name = azurerm_resource_group.store.name
  location            = azurerm_resource_group.store.location
}

resource "azurerm_role_assignment" "encryption" {
  count                            = var.encryption_key == null ? 0 : 1
  scope                            = var.encryption_key
  role_definition_name             = "Key Vault Crypto Service Encryption User"
  principal_id                     = azurerm_user_assigned_identity.encryption[0].principal_id
  skip_service_principal_aad_check = true
}

# Of an installation without buckets of tenants' own.
moved {
  from = azurerm_storage_container.store
  to   = azurerm_storage_container.store["shared"]
}
