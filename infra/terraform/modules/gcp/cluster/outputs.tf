output "name" {
  description = "Name of the cluster."
  # A cluster without nodes is of no use to those who install on it.
  depends_on = [google_container_node_pool.system, google_container_node_pool.training]
  value      = google_container_cluster.main.name
}

output "workload_pool" {
  description = "Workload identity pool, which names the ServiceAccounts."
  # The pool exists only once a cluster has asked for it.
  depends_on = [google_container_cluster.main]
  value      = "${var.account}.svc.id.goog"
}

output "nodes" {
  description = "Address of the nodes' service account."
  value       = google_service_account.node.email
}

output "training_pools" {
  description = "Label and taint of each training pool, for node_selector and tolerations of a request."
  value = { for pool, given in local.training : pool => {
    node_selector = { "tunelet.dev/pool" = pool }
    tolerations   = [merge(given.taint, { operator = "Equal", effect = "NoSchedule" })]
  } }
}
