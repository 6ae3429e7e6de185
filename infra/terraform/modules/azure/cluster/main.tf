data "azurerm_client_config" "current" {}

locals {
  zones = [for number in range(var.zones) : tostring(number + 1)]
}

resource "azurerm_user_assigned_identity" "cluster" {
  name                = "${var.name}-cluster"
  resource_group_name = var.resource_group
  location            = var.region
}

# The control plane adds nodes and load balancers to the subnet.
resource "azurerm_role_assignment" "network" {
  scope                            = var.subnet
  role_definition_name             = "Network Contributor"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}

# The nodes' own identity, which pulls images. Pods take others, by their ServiceAccounts.
resource "azurerm_user_assigned_identity" "node" {
  name                = "${var.name}-node"
  resource_group_name = var.resource_group
  location            = var.region
}

resource "azurerm_role_assignment" "node" {
  scope                            = azurerm_user_assigned_identity.node.id
  role_definition_name             = "Managed Identity Operator"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}

resource "azurerm_kubernetes_cluster" "main" {
  # checkov:skip=CKV_AZURE_4: a workspace of logs costs more than an idle installation
  # checkov:skip=CKV_AZURE_116: the overlays set Pod Security Standards; Azure Policy is the choice of the organization
  # checkov:skip=CKV_AZURE_117: Azure encrypts disks with a key of its own
  # checkov:skip=CKV_AZURE_172: no secret comes from Key Vault
  # checkov:skip=CKV_AZURE_226: few small sizes have room for the disk of the system
  # checkov:skip=CKV_AZURE_227: needs a feature that subscriptions lack at first
  # checkov:skip=CKV_AZURE_232: the functions run on the system nodes, too: no further pool at zero
  # The control plane begins with its rights.
  depends_on          = [azurerm_role_assignment.network, azurerm_role_assignment.node]
  name                = var.name
  resource_group_name = var.resource_group
  location            = var.region
  dns_prefix          = var.name
  kubernetes_version  = var.kubernetes_version
  sku_tier            = "Standard"

  # People and the cluster's rights come from Entra ID alone.
  local_account_disabled            = true
  role_based_access_control_enabled = true
  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
  }
  # They issue the ServiceAccounts' tokens and pass them to pods.
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  image_cleaner_enabled     = true
  # Control plane and nodes get patches of their minor version.
  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"

  private_cluster_enabled = length(var.api_allowed_cidrs) == 0
  dynamic "api_server_access_profile" {
    for_each = length(var.api_allowed_cidrs) > 0 ? [var.api_allowed_cidrs] : []
    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster.id]
  }
  kubelet_identity {
    user_assigned_identity_id = azurerm_user_assigned_identity.node.id
    client_id                 = azurerm_user_assigned_identity.node.client_id
    object_id                 = azurerm_user_assigned_identity.node.principal_id
  }
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    # Cilium enforces the overlays' NetworkPolicies.
    network_data_plane = "cilium"
    network_policy     = "cilium"
    outbound_type      = "userAssignedNATGateway"
    load_balancer_sku  = "standard"
    pod_cidr           = var.pod_cidr
    service_cidr       = var.service_cidr
    dns_service_ip     = cidrhost(var.service_cidr, 10)
  }
  # Nodes are added for waiting trials, and removed soon after.
  auto_scaler_profile {
    scale_down_unneeded              = "5m"
    scale_down_delay_after_add       = "5m"
    skip_nodes_with_system_pods      = false
    skip_nodes_with_local_storage    = false
    balance_similar_node_groups      = false
    expander                         = "least-waste"
    max_graceful_termination_sec     = "600"
    scale_down_utilization_threshold = "0.5"
  }

  default_node_pool {
    name                 = "system"
    vm_size              = var.system_pool.instance_types[0]
    auto_scaling_enabled = true
    min_count            = var.system_pool.nodes
    max_count            = var.system_pool.max_nodes
    max_pods             = 50
    os_disk_size_gb      = var.system_pool.disk_gb
    os_sku               = "AzureLinux"
    vnet_subnet_id       = var.subnet
    zones                = local.zones
    node_labels          = { "tunelet.dev/pool" = "system" }
    # A new size replaces the pool's nodes by those of a pool of this name.
    temporary_name_for_rotation = "rotation"
    upgrade_settings {
      max_surge = "1"
    }
  }
}

resource "azurerm_role_assignment" "admin" {
  for_each             = setunion(var.admins, [data.azurerm_client_config.current.object_id])
  scope                = azurerm_kubernetes_cluster.main.id
  role_definition_name = "Azure Kubernetes Service RBAC Cluster Admin"
  principal_id         = each.key
}
