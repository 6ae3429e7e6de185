# One registry for both images. Premium would lock tags and end images without a tag, at ten times the
# price: `make image` names a version once, and `az acr run --cmd "acr purge …"` removes what is left.
resource "azurerm_container_registry" "images" {
  # checkov:skip=CKV_AZURE_139: only in Premium, at ten times the price
  # checkov:skip=CKV_AZURE_163: only in Premium, at ten times the price
  # checkov:skip=CKV_AZURE_164: only in Premium, at ten times the price
  # checkov:skip=CKV_AZURE_165: only in Premium, at ten times the price
  # checkov:skip=CKV_AZURE_166: only in Premium, at ten times the price
  # checkov:skip=CKV_AZURE_167: only in Premium, at ten times the price
  # checkov:skip=CKV_AZURE_233: only in Premium, at ten times the price
  # checkov:skip=CKV_AZURE_237: only in Premium, at ten times the price
  name                   = var.name
  resource_group_name    = var.resource_group
  location               = var.region
  sku                    = "Basic"
  admin_enabled          = false
  anonymous_pull_enabled = false
}

resource "azurerm_role_assignment" "nodes" {
  scope                            = azurerm_container_registry.images.id
  role_definition_name             = "AcrPull"
  principal_id                     = var.nodes
  skip_service_principal_aad_check = true
}
