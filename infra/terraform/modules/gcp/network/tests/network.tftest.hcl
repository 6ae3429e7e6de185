mock_provider "google" {}

variables {
  account      = "acme-ml"
  name         = "tunelet"
  region       = "europe-west3"
  cidr         = "10.64.0.0/16"
  service_cidr = "172.20.0.0/16"
}

run "nodes_pods_and_services_have_ranges_that_do_not_overlap" {
  assert {
    condition = google_compute_subnetwork.nodes.ip_cidr_range == "10.64.0.0/18" && { for range in google_compute_subnetwork.nodes.secondary_ip_range : range.range_name => range.ip_cidr_range } == {
      pods = "10.64.128.0/17", services = "172.20.0.0/16"
    }
    error_message = jsonencode(google_compute_subnetwork.nodes)
  }
}

run "nodes_reach_the_store_without_the_gateway_and_the_rest_through_it" {
  assert {
    condition     = google_compute_subnetwork.nodes.private_ip_google_access
    error_message = "the store's traffic passes the gateway, which costs money"
  }
  assert {
    condition     = one(google_compute_router_nat.main.subnetwork).name == google_compute_subnetwork.nodes.id
    error_message = "the nodes have no way out"
  }
}
