mock_provider "azurerm" {}

variables {
  name           = "tunelet"
  resource_group = "tunelet"
  region         = "germanywestcentral"
  cidr           = "10.64.0.0/16"
}

run "nodes_and_pods_have_ranges_that_do_not_overlap" {
  assert {
    condition     = tolist(azurerm_virtual_network.main.address_space) == tolist(["10.64.0.0/17"]) && azurerm_subnet.nodes.address_prefixes == tolist(["10.64.0.0/18"]) && output.pod_cidr == "10.64.128.0/17"
    error_message = jsonencode([azurerm_virtual_network.main.address_space, azurerm_subnet.nodes.address_prefixes, output.pod_cidr])
  }
}

run "nodes_reach_the_store_without_the_gateway_and_the_rest_through_it" {
  assert {
    condition     = contains(azurerm_subnet.nodes.service_endpoints, "Microsoft.Storage")
    error_message = "the store's traffic passes the gateway, which costs money"
  }
  assert {
    condition     = azurerm_subnet_nat_gateway_association.nodes.nat_gateway_id == azurerm_nat_gateway.main.id && !azurerm_subnet.nodes.default_outbound_access_enabled
    error_message = "the nodes have no way out, or one that Azure chooses"
  }
}
