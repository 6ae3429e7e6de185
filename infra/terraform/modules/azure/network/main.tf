# Nodes have private addresses only, and reach the internet through a NAT gateway. The store's traffic
# does not pass it: Storage has a service endpoint, which costs nothing.
resource "azurerm_virtual_network" "main" {
  name                = var.name
  resource_group_name = var.resource_group
  location            = var.region
  # Its lower half. The upper one is for pods, which have an overlay of their own.
  address_space = [cidrsubnet(var.cidr, 1, 0)]
}

resource "azurerm_subnet" "nodes" {
  name                            = "nodes"
  resource_group_name             = var.resource_group
  virtual_network_name            = azurerm_virtual_network.main.name
  address_prefixes                = [cidrsubnet(var.cidr, 2, 0)]
  default_outbound_access_enabled = false
  service_endpoints               = ["Microsoft.Storage"]
}

resource "azurerm_public_ip" "nat" {
  name                = "${var.name}-nat"
  resource_group_name = var.resource_group
  location            = var.region
  sku                 = "Standard"
  allocation_method   = "Static"
}

resource "azurerm_nat_gateway" "main" {
  name                = var.name
  resource_group_name = var.resource_group
  location            = var.region
  sku_name            = "Standard"
}

resource "azurerm_nat_gateway_public_ip_association" "main" {
  nat_gateway_id       = azurerm_nat_gateway.main.id
  public_ip_address_id = azurerm_public_ip.nat.id
}

resource "azurerm_subnet_nat_gateway_association" "nodes" {
  subnet_id      = azurerm_subnet.nodes.id
  nat_gateway_id = azurerm_nat_gateway.main.id
}

resource "azurerm_network_security_group" "nodes" {
  name                = "${var.name}-nodes"
  resource_group_name = var.resource_group
  location            = var.region
}

# Without rules of its own it refuses what comes from the internet.
resource "azurerm_subnet_network_security_group_association" "nodes" {
  subnet_id                 = azurerm_subnet.nodes.id
  network_security_group_id = azurerm_network_security_group.nodes.id
}
