# Nodes have private addresses only, and reach the internet through Cloud NAT. The store's traffic does
# not pass it: Google's own services have private access.
resource "google_compute_network" "main" {
  # checkov:skip=CKV2_GCP_18: no rule admits anything from outside; GKE adds those of the cluster
  project                 = var.account
  name                    = var.name
  auto_create_subnetworks = false
}

# The first quarter of the network is for nodes, the second half for pods.
resource "google_compute_subnetwork" "nodes" {
  # checkov:skip=CKV_GCP_26: flow logs cost money for each byte; switch them on where an audit asks for them
  project                  = var.account
  name                     = "${var.name}-nodes"
  region                   = var.region
  network                  = google_compute_network.main.id
  ip_cidr_range            = cidrsubnet(var.cidr, 2, 0)
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = cidrsubnet(var.cidr, 1, 1)
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = var.service_cidr
  }
}

resource "google_compute_router" "main" {
  project = var.account
  name    = var.name
  region  = var.region
  network = google_compute_network.main.id
}

resource "google_compute_router_nat" "main" {
  project                            = var.account
  name                               = var.name
  router                             = google_compute_router.main.name
  region                             = var.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"
  subnetwork {
    name                    = google_compute_subnetwork.nodes.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }
}
