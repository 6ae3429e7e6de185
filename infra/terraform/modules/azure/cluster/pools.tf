# The system pool runs Knative and the functions. Training pools are empty until a trial waits for a
# node: their taints keep all other pods away, and one such pod would keep a node alive.
locals {
  spot = { key = "kubernetes.azure.com/scalesetpriority", value = "spot" }
  training = { for pool, given in var.training_pools : pool => merge(given, {
    # Azure itself taints and labels the nodes of a spot pool.
    taints = concat(
      [given.gpu ? { key = "nvidia.com/gpu", value = "present" } : { key = "tunelet.dev/pool", value = pool }],
      given.spot ? [local.spot] : [],
    )
    labels = merge({ "tunelet.dev/pool" = pool }, given.spot ? { (local.spot.key) = local.spot.value } : {})
  }) }
}

resource "azurerm_kubernetes_cluster_node_pool" "training" {
  # checkov:skip=CKV_AZURE_227: needs a feature that subscriptions lack at first
  for_each              = local.training
  kubernetes_cluster_id = azurerm_kubernetes_cluster.main.id
  name                  = replace(each.key, "-", "")
  mode                  = "User"
  vm_size               = each.value.instance_types[0]
  orchestrator_version  = var.kubernetes_version
  vnet_subnet_id        = var.subnet
  zones                 = local.zones
  os_sku                = each.value.gpu ? "Ubuntu" : "AzureLinux"
  os_disk_size_gb       = each.value.disk_gb

  auto_scaling_enabled = true
  min_count            = 0
  max_count            = each.value.max_nodes
  max_pods             = 50
  node_count           = 0

  priority        = each.value.spot ? "Spot" : "Regular"
  eviction_policy = each.value.spot ? "Delete" : null
  # At most the price of a regular node.
  spot_max_price = each.value.spot ? -1 : null
  node_labels    = each.value.labels
  node_taints    = [for taint in each.value.taints : "${taint.key}=${taint.value}:NoSchedule"]

  # Azure refuses these for spot nodes.
  dynamic "upgrade_settings" {
    for_each = each.value.spot ? [] : ["1"]
    content {
      max_surge = upgrade_settings.value
    }
  }
  lifecycle {
    # The autoscaler changes it.
    ignore_changes = [node_count]
  }
}
