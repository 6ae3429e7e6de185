mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = { subscription_id = "00000000-1111-2222-3333-444444444444", object_id = "55555555-1111-2222-3333-444444444444" }
  }
  mock_resource "azurerm_kubernetes_cluster" {
    defaults = { oidc_issuer_url = "https://germanywestcentral.oic.prod-aks.azure.com/t/i/" }
  }
}

variables {
  account            = "00000000-1111-2222-3333-444444444444"
  region             = "germanywestcentral"
  bucket             = "acmetunelet"
  kubernetes_version = "1.33"
  # The guard of the store would refuse the end of each test.
  destroy_data = true
  training_pools = {
    cpu = { instance_types = ["Standard_F8s_v2"], max_nodes = 10, spot = true }
    gpu = { instance_types = ["Standard_NC4as_T4_v3"], max_nodes = 2, gpu = true }
  }
}

run "the_subscription_gets_a_whole_installation" {
  variables {
    tenant_buckets = { default = "own" }
  }
  assert {
    condition     = output.stores == { default = { url = "az://own/experiments" } }
    error_message = jsonencode(output.stores)
  }
  assert {
    condition = output.store_url == "az://store/experiments" && toset(keys(output.service_accounts)) == toset([
      "tunelet/tunelet-api", "tunelet/tunelet-suggest", "tunelet/tunelet-launch", "tunelet/tunelet-complete",
      "tunelet/tunelet-sweep", "tunelet/tunelet-deadletter", "tunelet-trials-default/default",
    ])
    error_message = jsonencode(keys(output.service_accounts))
  }
  assert {
    condition     = output.images == { tunelet = "acmetuneletimages.azurecr.io/tunelet", tunelet-collector = "acmetuneletimages.azurecr.io/tunelet-collector" }
    error_message = jsonencode(output.images)
  }
  assert {
    condition     = startswith(output.kubeconfig_command, "az aks get-credentials --subscription 00000000-1111-2222-3333-444444444444 --resource-group tunelet --name tunelet")
    error_message = output.kubeconfig_command
  }
  assert {
    condition = jsonencode(output.training_pools) == jsonencode({
      cpu = {
        node_selector = { "tunelet.dev/pool" = "cpu" }
        tolerations = [
          { effect = "NoSchedule", key = "tunelet.dev/pool", operator = "Equal", value = "cpu" },
          { effect = "NoSchedule", key = "kubernetes.azure.com/scalesetpriority", operator = "Equal", value = "spot" },
        ]
      }
      gpu = {
        node_selector = { "tunelet.dev/pool" = "gpu" }
        tolerations   = [{ effect = "NoSchedule", key = "nvidia.com/gpu", operator = "Equal", value = "present" }]
      }
    })
    error_message = jsonencode(output.training_pools)
  }
}

run "a_range_for_services_inside_the_network_is_refused" {
  command = plan
  variables {
    service_cidr = "10.64.128.0/20"
  }
  expect_failures = [var.service_cidr]
}

run "a_range_for_services_around_the_network_is_refused" {
  command = plan
  variables {
    service_cidr = "10.64.0.0/12"
  }
  expect_failures = [var.service_cidr]
}

run "a_reserved_range_in_the_network_is_refused" {
  command = plan
  variables {
    reserved_cidrs = ["192.168.0.0/16", "10.64.3.0/24"]
  }
  expect_failures = [var.reserved_cidrs]
}

run "a_reserved_range_in_that_of_services_is_refused" {
  command = plan
  variables {
    reserved_cidrs = ["172.16.0.0/12"]
  }
  expect_failures = [var.reserved_cidrs]
}

run "a_reserved_range_that_is_none_is_refused" {
  command = plan
  variables {
    reserved_cidrs = ["office"]
  }
  expect_failures = [var.reserved_cidrs]
}

run "a_network_too_small_is_refused" {
  command = plan
  variables {
    cidr = "10.64.0.0/21"
  }
  expect_failures = [var.cidr]
}

run "a_network_that_begins_inside_another_is_refused" {
  command = plan
  variables {
    cidr = "10.64.1.0/16"
  }
  expect_failures = [var.cidr]
}

run "a_range_for_services_too_small_is_refused" {
  command = plan
  variables {
    service_cidr = "172.20.0.0/25"
  }
  expect_failures = [var.service_cidr]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    zones = 1
  }
  expect_failures = [var.zones]
}

run "a_version_with_a_patch_is_refused" {
  command = plan
  variables {
    kubernetes_version = "1.33.1"
  }
  expect_failures = [var.kubernetes_version]
}

run "an_api_open_to_the_internet_is_refused" {
  command = plan
  variables {
    api_allowed_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.api_allowed_cidrs]
}

run "a_system_pool_without_nodes_is_refused" {
  command = plan
  variables {
    system_pool = { nodes = 0 }
  }
  expect_failures = [var.system_pool]
}

run "a_system_pool_with_more_nodes_than_its_most_is_refused" {
  command = plan
  variables {
    system_pool = { nodes = 5 }
  }
  expect_failures = [var.system_pool]
}

run "a_system_pool_with_a_small_disk_is_refused" {
  command = plan
  variables {
    system_pool = { disk_gb = 5 }
  }
  expect_failures = [var.system_pool]
}

run "a_training_pool_named_system_is_refused" {
  command = plan
  variables {
    training_pools = { system = { instance_types = ["Standard_F8s_v2"], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "a_training_pool_without_nodes_is_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = ["Standard_F8s_v2"], max_nodes = 0 } }
  }
  expect_failures = [var.training_pools]
}

run "a_training_pool_without_instance_types_is_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = [], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "a_region_with_spaces_is_refused" {
  command = plan
  variables {
    region = "Germany West Central"
  }
  expect_failures = [var.region]
}

run "a_subscription_by_name_is_refused" {
  command = plan
  variables {
    account = "acme"
  }
  expect_failures = [var.account]
}

run "an_administrator_by_name_is_refused" {
  command = plan
  variables {
    admins = ["ops@acme.example"]
  }
  expect_failures = [var.admins]
}

run "a_gateway_for_each_zone_is_refused" {
  command = plan
  variables {
    nat_per_zone = true
  }
  expect_failures = [var.nat_per_zone]
}

run "two_types_of_one_pool_are_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = ["Standard_F8s_v2", "Standard_F16s_v2"], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "a_long_name_of_a_pool_is_refused" {
  command = plan
  variables {
    training_pools = { thirteenchars = { instance_types = ["Standard_F8s_v2"], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "more_nodes_than_addresses_is_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = ["Standard_F8s_v2"], max_nodes = 124 } }
  }
  expect_failures = [var.training_pools]
}
