# Azure deletes a storage account with all that it has. So terraform destroy begins with this, which
# fails unless destroy_data was applied as true before.
resource "terraform_data" "guard" {
  input = { account = azurerm_storage_account.store.name, destroy = var.destroy_data }

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = self.input.destroy ? "true" : "echo 'The storage account ${self.input.account} has the experiments. To delete it, apply destroy_data = true first.' >&2; exit 1"
  }
}
