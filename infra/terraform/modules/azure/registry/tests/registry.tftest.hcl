mock_provider "azurerm" {}

variables {
  name           = "acmetuneletimages"
  resource_group = "tunelet"
  region         = "germanywestcentral"
  nodes          = "66666666-1111-2222-3333-444444444444"
}

run "only_identities_reach_the_registry" {
  assert {
    condition     = !azurerm_container_registry.images.admin_enabled && !azurerm_container_registry.images.anonymous_pull_enabled
    error_message = "a password or nobody's name is enough"
  }
}

run "nodes_may_only_pull_images" {
  assert {
    condition     = azurerm_role_assignment.nodes.principal_id == var.nodes && azurerm_role_assignment.nodes.role_definition_name == "AcrPull" && azurerm_role_assignment.nodes.scope == azurerm_container_registry.images.id
    error_message = "nodes cannot pull images, or may change them"
  }
}
