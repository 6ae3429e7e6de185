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
  tenants = ["default", "team-a"]
  # The guard would refuse the end of each test.
  destroy_data = true
}

run "each_function_and_each_tenant_has_an_identity_of_its_own" {
  assert {
    condition = toset(keys(output.service_accounts)) == toset([
      "tunelet/tunelet-api", "tunelet/tunelet-suggest", "tunelet/tunelet-launch", "tunelet/tunelet-complete",
      "tunelet/tunelet-sweep", "tunelet/tunelet-deadletter",
      "tunelet-trials-default/default", "tunelet-trials-team-a/default",
    ])
    error_message = jsonencode(keys(output.service_accounts))
  }
  assert {
    condition     = length(distinct([for each in azurerm_user_assigned_identity.account : each.name])) == 8
    error_message = "two accounts share an identity"
  }
  assert {
    condition = alltrue([for account, given in output.service_accounts :
    given.annotations["azure.workload.identity/client-id"] == azurerm_user_assigned_identity.account[account].client_id && given.pod_labels["azure.workload.identity/use"] == "true"])
    error_message = "an annotation names another account's identity"
  }
}

run "only_the_account_itself_takes_its_identity" {
  assert {
    condition = alltrue([for account, each in azurerm_federated_identity_credential.account :
      each.issuer == var.issuer && tolist(each.audience) == tolist(["api://AzureADTokenExchange"]) && each.parent_id == azurerm_user_assigned_identity.account[account].id
    && each.subject == join(":", ["system:serviceaccount", split("/", account)[0], split("/", account)[1]])])
    error_message = azurerm_federated_identity_credential.account["tunelet/tunelet-api"].subject
  }
}

run "no_role_has_an_action_beyond_blobs_and_each_assignment_is_bound_to_the_prefix" {
  assert {
    condition = toset(flatten([for role in azurerm_role_definition.store : one(role.permissions).data_actions])) == toset([
      for action in ["read", "write", "delete"] : "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/${action}"
    ]) && alltrue([for role in azurerm_role_definition.store : length(coalesce(one(role.permissions).actions, [])) == 0])
    error_message = "the actions differ from those that adapters/storage needs"
  }
  assert {
    condition = alltrue(flatten([for each in azurerm_role_assignment.store : [
      each.scope == "/subscriptions/s/resourceGroups/tunelet-store/providers/Microsoft.Storage/storageAccounts/acmetunelet/blobServices/default/containers/store",
      [for pattern in regexall("'([^']+)'", split("StringLike", each.condition)[1]) : startswith(pattern[0], "experiments/")],
    ]]))
    error_message = "an assignment reaches beyond the prefix"
  }
}

run "a_tenant_reaches_its_own_checkpoints_only" {
  assert {
    condition = { for name, each in azurerm_role_assignment.store : name => each.condition if startswith(name, "tunelet-trials-team-a/") } == {
      "tunelet-trials-team-a/default read write delete" = "((@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] ForAnyOfAnyValues:StringLike {'experiments/v1/team-a/*/trials/*/*/*'}))"
      "tunelet-trials-team-a/default list"              = "((ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'} AND SubOperationMatches{'Blob.List'} AND @Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix] ForAnyOfAnyValues:StringLike {'experiments/v1/team-a/*/trials/*/*/*'}))"
    }
    error_message = azurerm_role_assignment.store["tunelet-trials-team-a/default list"].condition
  }
}

run "deadletter_writes_dead_letters_only" {
  assert {
    condition = { for name, each in azurerm_role_assignment.store : name => [for pattern in regexall("'([^']+)'", split("StringLike", each.condition)[1]) : pattern[0]] if startswith(name, "tunelet/tunelet-deadletter ") } == {
      "tunelet/tunelet-deadletter write delete" = ["experiments/dead/*"]
      "tunelet/tunelet-deadletter read"         = ["experiments/v1/ready"]
      "tunelet/tunelet-deadletter list"         = ["experiments/dead/*", "experiments/v1/ready"]
    }
    error_message = jsonencode(keys(azurerm_role_assignment.store))
  }
}

run "only_api_reads_dead_letters" {
  assert {
    condition     = [for name, each in azurerm_role_assignment.store : name if strcontains(each.condition, "'experiments/dead/*'") && contains(split(" ", name), "read")] == ["tunelet/tunelet-api read write delete"]
    error_message = "another function reads dead letters"
  }
}

run "the_plain_overlay_has_one_account" {
  variables {
    overlay = "plain"
    tenants = []
  }
  assert {
    condition     = keys(output.service_accounts) == ["tunelet/tunelet"] && strcontains(azurerm_role_assignment.store["tunelet/tunelet read write delete"].condition, "/dead/*")
    error_message = jsonencode(keys(output.service_accounts))
  }
}

run "a_tenant_with_a_container_of_its_own_has_its_rights_there_only" {
  variables {
    tenant_buckets = { team-a = "team-a" }
  }
  assert {
    condition     = output.stores == { team-a = { url = "az://team-a/experiments" } } && output.store_url == "az://store/experiments"
    error_message = jsonencode(output.stores)
  }
  assert {
    condition = { for name, each in azurerm_role_assignment.store : name => endswith(each.scope, "/containers/team-a") if startswith(name, "tunelet-trials-") } == {
      "tunelet-trials-default/default read write delete"              = false
      "tunelet-trials-default/default list"                           = false
      "tunelet-trials-team-a/default read write delete tenant/team-a" = true
      "tunelet-trials-team-a/default list tenant/team-a"              = true
    }
    error_message = jsonencode(keys(azurerm_role_assignment.store))
  }
  assert {
    condition     = strcontains(azurerm_role_assignment.store["tunelet-trials-team-a/default read write delete tenant/team-a"].condition, "{'experiments/v1/team-a/*/trials/*/*/*'}")
    error_message = azurerm_role_assignment.store["tunelet-trials-team-a/default read write delete tenant/team-a"].condition
  }
}

run "functions_have_the_same_rights_in_a_tenants_container_as_in_the_shared_one" {
  variables {
    tenant_buckets = { team-a = "team-a" }
  }
  assert {
    condition = toset([for name, each in azurerm_role_assignment.store : jsonencode([each.principal_id, each.role_definition_id, each.condition]) if startswith(name, "tunelet/") && endswith(each.scope, "/containers/store")]) == toset([
    for name, each in azurerm_role_assignment.store : jsonencode([each.principal_id, each.role_definition_id, each.condition]) if startswith(name, "tunelet/") && endswith(each.scope, "/containers/team-a")])
    error_message = jsonencode(keys(azurerm_role_assignment.store))
  }
  assert {
    condition     = length([for each in azurerm_role_assignment.store : each if endswith(each.scope, "/containers/team-a")]) > 10
    error_message = "functions have no rights in the tenant's container"
  }
}

run "a_tenants_container_is_private_and_loses_what_is_left_over" {
  variables {
    tenant_buckets = { team-a = "team-a" }
  }
  assert {
    condition     = { for store, each in azurerm_storage_container.store : store => [each.name, each.container_access_type, each.storage_account_id == azurerm_storage_account.store.id] } == { shared = ["store", "private", true], "tenant/team-a" = ["team-a", "private", true] }
    error_message = jsonencode(azurerm_storage_container.store)
  }
  assert {
    condition     = one([for rule in azurerm_storage_management_policy.store.rule : toset(one(rule.filters).prefix_match) if rule.name == "probes"]) == toset(["store/experiments/probe/", "team-a/experiments/probe/"])
    error_message = "objects other than probes expire, or probes stay"
  }
}

run "each_container_is_kept_by_a_guard_of_its_own" {
  variables {
    tenant_buckets = { team-a = "team-a" }
  }
  assert {
    condition     = { for store, each in terraform_data.kept : store => each.input.name } == { shared = "store", "tenant/team-a" = "team-a" }
    error_message = jsonencode(terraform_data.kept)
  }
}
