output "network" {
  description = "ID of the network."
  value       = google_compute_network.main.id
}

output "subnet" {
  description = "ID of the subnetwork of the nodes, with the ranges pods and services."
  # Nodes begin after the gateway exists, or they cannot pull images.
  depends_on = [google_compute_router_nat.main]
  value      = google_compute_subnetwork.nodes.id
}
