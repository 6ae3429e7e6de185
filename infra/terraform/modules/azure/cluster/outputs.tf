output "name" {
  description = "Name of the cluster."
  # A cluster without nodes, or without rights on it, is of no use to those who install on it.
  depends_on = [azurerm_kubernetes_cluster_node_pool.training, azurerm_role_assignment.admin]
  value      = azurerm_kubernetes_cluster.main.name
}

output "issuer" {
  description = "URL of the OIDC issuer of the ServiceAccounts' tokens."
  value       = azurerm_kubernetes_cluster.main.oidc_issuer_url
}

output "nodes" {
  description = "Object ID of the identity of the nodes."
  value       = azurerm_user_assigned_identity.node.principal_id
}

output "training_pools" {
  description = "Labels and taints of each training pool, for node_selector and tolerations of a request."
  value = { for pool, given in local.training : pool => {
    node_selector = { "tunelet.dev/pool" = pool }
    tolerations   = [for taint in given.taints : merge(taint, { operator = "Equal", effect = "NoSchedule" })]
  } }
}
