# Each ServiceAccount takes a managed identity with the token that Kubernetes projects into its pods.
# There is no key to keep. The token's subject names the account, so no other one can take it.
resource "azurerm_user_assigned_identity" "account" {
  for_each            = module.identities.identities
  name                = "${var.name}-${each.value.name}"
  resource_group_name = azurerm_resource_group.store.name
  location            = azurerm_resource_group.store.location
  tags                = { tunelet = var.name }
}

resource "azurerm_federated_identity_credential" "account" {
  for_each            = module.identities.identities
  name                = "kubernetes"
  resource_group_name = azurerm_resource_group.store.name
  parent_id           = azurerm_user_assigned_identity.account[each.key].id
  issuer              = var.issuer
  audience            = ["api://AzureADTokenExchange"]
  subject             = "system:serviceaccount:${replace(each.key, "/", ":")}"
}
