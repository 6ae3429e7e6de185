mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = { object_id = "55555555-1111-2222-3333-444444444444" }
  }
}

variables {
  name               = "tunelet"
  resource_group     = "tunelet"
  region             = "germanywestcentral"
  zones              = 2
  kubernetes_version = "1.33"
  subnet             = "/subscriptions/s/resourceGroups/tunelet/providers/Microsoft.Network/virtualNetworks/tunelet/subnets/nodes"
  pod_cidr           = "10.64.128.0/17"
  service_cidr       = "172.20.0.0/16"
  api_allowed_cidrs  = []
  admins             = ["77777777-1111-2222-3333-444444444444"]
  system_pool        = { instance_types = ["Standard_D2s_v5"], nodes = 2, max_nodes = 4, disk_gb = 50 }
  training_pools = {
    cpu = { instance_types = ["Standard_F8s_v2"], max_nodes = 10, spot = true, gpu = false, disk_gb = 100 }
    gpu = { instance_types = ["Standard_NC4as_T4_v3"], max_nodes = 2, spot = false, gpu = true, disk_gb = 200 }
  }
}

run "training_pools_scale_to_zero_and_the_system_pool_does_not" {
  assert {
    condition     = { for pool, each in azurerm_kubernetes_cluster_node_pool.training : pool => [each.min_count, each.max_count, each.node_count] } == { cpu = [0, 10, 0], gpu = [0, 2, 0] }
    error_message = "a training pool keeps nodes, or has others than asked for"
  }
  assert {
    condition     = one(azurerm_kubernetes_cluster.main.default_node_pool).min_count == 2 && length(one(azurerm_kubernetes_cluster.main.default_node_pool).zones) == 2
    error_message = "the functions have no node, or nodes are in other zones than asked for"
  }
}

run "a_training_pool_is_for_trials_that_name_it" {
  assert {
    condition = jsonencode({ for pool, each in azurerm_kubernetes_cluster_node_pool.training : pool => each.node_taints }) == jsonencode({
      cpu = ["tunelet.dev/pool=cpu:NoSchedule", "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"], gpu = ["nvidia.com/gpu=present:NoSchedule"]
    })
    error_message = "other pods keep the pool's nodes alive"
  }
  assert {
    condition = alltrue([for pool, given in output.training_pools :
      azurerm_kubernetes_cluster_node_pool.training[pool].node_labels["tunelet.dev/pool"] == given.node_selector["tunelet.dev/pool"]
    && [for each in given.tolerations : "${each.key}=${each.value}:${each.effect}"] == [for taint in azurerm_kubernetes_cluster_node_pool.training[pool].node_taints : taint]])
    error_message = jsonencode(output.training_pools)
  }
}

run "spot_is_as_asked_for" {
  assert {
    condition = jsonencode({ for pool, each in azurerm_kubernetes_cluster_node_pool.training : pool => [each.priority, each.eviction_policy, each.spot_max_price, length(each.upgrade_settings)] }) == jsonencode({
      cpu = ["Spot", "Delete", -1, 0], gpu = ["Regular", null, null, 1]
    })
    error_message = "spot differs"
  }
}

run "people_and_service_accounts_come_from_tokens_only" {
  assert {
    condition     = azurerm_kubernetes_cluster.main.local_account_disabled && one(azurerm_kubernetes_cluster.main.azure_active_directory_role_based_access_control).azure_rbac_enabled
    error_message = "a certificate administers the cluster"
  }
  assert {
    condition     = azurerm_kubernetes_cluster.main.oidc_issuer_enabled && azurerm_kubernetes_cluster.main.workload_identity_enabled
    error_message = "ServiceAccounts have no identity"
  }
  assert {
    condition     = toset([for each in azurerm_role_assignment.admin : each.principal_id]) == toset(["55555555-1111-2222-3333-444444444444", "77777777-1111-2222-3333-444444444444"])
    error_message = "others administer the cluster"
  }
}

run "the_api_has_no_public_address_unless_one_asks" {
  assert {
    condition     = azurerm_kubernetes_cluster.main.private_cluster_enabled && length(azurerm_kubernetes_cluster.main.api_server_access_profile) == 0
    error_message = "the API is public"
  }
}

run "the_api_is_open_to_the_named_addresses" {
  variables {
    api_allowed_cidrs = ["198.51.100.7/32"]
  }
  assert {
    condition     = !azurerm_kubernetes_cluster.main.private_cluster_enabled && one(azurerm_kubernetes_cluster.main.api_server_access_profile).authorized_ip_ranges == toset(["198.51.100.7/32"])
    error_message = "the API is open to others"
  }
}

run "network_policies_are_enforced" {
  assert {
    condition     = one(azurerm_kubernetes_cluster.main.network_profile).network_policy == "cilium"
    error_message = "NetworkPolicies have no effect"
  }
}
