# One registry for both images. Premium would lock tags and end images without a tag, at ten times the
# price: `make image` names a version once, and `az acr run --cmd "acr purge …"` removes what is left.
resource "azurerm_container_registry" "images" {
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
