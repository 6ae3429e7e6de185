data "google_compute_zones" "available" {
  project = var.account
  region  = var.region
  status  = "UP"
  lifecycle {
    postcondition {
      condition     = length(self.names) >= var.zones
      error_message = "the region ${var.region} has ${length(self.names)} zones; set zones to at most that."
    }
  }
}

locals {
  zones = slice(sort(data.google_compute_zones.available.names), 0, var.zones)
}

resource "google_container_cluster" "main" {
  # checkov:skip=CKV_GCP_12: Dataplane V2 enforces NetworkPolicies, and excludes this setting
  # checkov:skip=CKV_GCP_69: the pools have it; the default pool is removed
  # checkov:skip=CKV_GCP_61: flow logs cost money for each byte
  # checkov:skip=CKV_GCP_65: needs a group of the organization with a fixed name
  # checkov:skip=CKV_GCP_66: needs attestors: which images may train is the policy of the tenants
  # checkov:skip=CKV_GCP_21: the provider sets default_labels
  project        = var.account
  name           = var.name
  location       = var.region
  node_locations = local.zones
  # The version of the release channel with this beginning. The control plane is never older.
  min_master_version = var.kubernetes_version
  # terraform destroy removes the cluster, but keeps the store.
  deletion_protection = false

  # The pools below replace it.
  remove_default_node_pool = true
  initial_node_count       = 1

  network         = var.network
  subnetwork      = var.subnet
  networking_mode = "VPC_NATIVE"
  # Dataplane V2 enforces the overlays' NetworkPolicies.
  datapath_provider = "ADVANCED_DATAPATH"
  # A /25 of addresses for each node.
  default_max_pods_per_node = 64
  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = length(var.api_allowed_cidrs) == 0
  }
  master_authorized_networks_config {
    gcp_public_cidrs_access_enabled = false
    dynamic "cidr_blocks" {
      for_each = var.api_allowed_cidrs
      content {
        cidr_block = cidr_blocks.value
      }
    }
  }
  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  # It makes ServiceAccounts principals of IAM.
  workload_identity_config {
    workload_pool = "${var.account}.svc.id.goog"
  }
  release_channel {
    channel = "REGULAR"
  }
  # Nodes are added for waiting trials, and removed soon after.
  cluster_autoscaling {
    autoscaling_profile = "OPTIMIZE_UTILIZATION"
  }
  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "APISERVER"]
  }
  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS"]
    managed_prometheus {
      enabled = false
    }
  }
}

resource "google_project_iam_member" "admin" {
  for_each = var.admins
  project  = var.account
  role     = "roles/container.admin"
  member   = each.key
  condition {
    title      = "only-${var.name}"
    expression = "resource.name.startsWith('projects/${var.account}/locations/${var.region}/clusters/${var.name}')"
  }
}
