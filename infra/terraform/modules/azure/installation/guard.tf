# Azure deletes a storage account, and a container, with all that it has. So each container has one of these,
# which goes before it and fails unless destroy_data was applied as true before.
resource "terraform_data" "kept" {
  for_each = azurerm_storage_container.store
  input    = { name = each.value.name, account = azurerm_storage_account.store.name, destroy = var.destroy_data }
  # Another name replaces the container.
  triggers_replace = [azurerm_storage_account.store.name, each.value.name]

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = self.input.destroy ? "true" : "echo 'The container ${self.input.name} of the storage account ${self.input.account} has experiments. To delete it, apply destroy_data = true first.' >&2; exit 1"
  }
}
