# The rights on the store. Each action is one that a call in adapters/storage needs:
#
#   blobs/read    download_blob, get_blob_properties, get, head (azure.py, obstore.py); the source of a
#                 copy; list_blob_names, list
#   blobs/write   upload_blob, put; start_copy_from_url, copy
#   blobs/delete  delete_blob, delete
#
# A role for each set of them that an identity needs together, because predefined roles have more.
# A condition binds it to keys. Azure has no right to list of its own: a condition that compares the
# path of a blob is false for a list, and one that asks for the suboperation is true for nothing else.
module "identities" {
  source               = "../../identities"
  overlay              = var.overlay
  kubernetes_namespace = var.kubernetes_namespace
  trials_prefix        = var.trials_prefix
  tenants              = var.tenants
  own                  = keys(var.tenant_buckets)
}

locals {
  blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
  actions = {
    read   = "blobs/read"
    write  = "blobs/write"
    delete = "blobs/delete"
    list   = "blobs/read"
  }

  # Of each identity: the stores that it uses. Functions have the same rights in each.
  used = { for account, identity in module.identities.identities : account => identity.tenant == "" ? keys(local.stores) : [identity.store] }

  # Of each identity: its rights on objects, and one to list below their keys.
  granted = { for account, identity in module.identities.identities : account => concat(
    identity.rights, [{ verbs = ["list"], keys = flatten(identity.rights[*].keys) }]
  ) }
  grants = merge([for account, rights in local.granted : merge([for store in local.used[account] : { for right in rights :
    "${account} ${join(" ", right.verbs)}${store == "shared" ? "" : " ${store}"}" => { account = account, store = store, role = join("-", right.verbs), keys = right.keys }
  }]...)]...)
  # The asterisk matches slashes, too.
  patterns = { for name, grant in local.grants : name => join(", ", [for key in grant.keys : "'${var.prefix}/${key}'"]) }
}

resource "azurerm_role_definition" "store" {
  for_each    = toset([for grant in local.grants : grant.role])
  name        = "tunelet-${var.name}-${each.key}-${var.bucket}"
  description = "Tunelet ${var.name}: ${replace(each.key, "-", ", ")} blobs of ${var.bucket}"
  scope       = azurerm_storage_account.store.id
  permissions {
    data_actions = [for verb in split("-", each.key) : replace(local.actions[verb], "blobs", local.blobs)]
  }
  assignable_scopes = [azurerm_storage_account.store.id]
}

resource "azurerm_role_assignment" "store" {
  for_each                         = local.grants
  scope                            = "${azurerm_storage_account.store.id}/blobServices/default/containers/${azurerm_storage_container.store[each.value.store].name}"
  role_definition_id               = azurerm_role_definition.store[each.value.role].role_definition_resource_id
  principal_id                     = azurerm_user_assigned_identity.account[each.value.account].principal_id
  skip_service_principal_aad_check = true
  condition_version                = "2.0"
  condition = (each.value.role == "list"
    ? "((ActionMatches{'${local.blobs}/read'} AND SubOperationMatches{'Blob.List'} AND @Request[${local.blobs}:prefix] ForAnyOfAnyValues:StringLike {${local.patterns[each.key]}}))"
    : "((@Resource[${local.blobs}:path] ForAnyOfAnyValues:StringLike {${local.patterns[each.key]}}))"
  )
}
