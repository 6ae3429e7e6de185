output "subnet" {
  description = "ID of the subnet of the nodes."
  # Nodes begin after the gateway exists, or they cannot join the cluster.
  depends_on = [azurerm_subnet_nat_gateway_association.nodes, azurerm_nat_gateway_public_ip_association.main, azurerm_subnet_network_security_group_association.nodes]
  value      = azurerm_subnet.nodes.id
}

output "pod_cidr" {
  description = "Addresses of pods."
  value       = cidrsubnet(var.cidr, 1, 1)
}
