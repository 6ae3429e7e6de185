# The system pool runs Knative and the functions. Training pools are empty until a trial waits for a
# node: their taints keep all other pods away, and one such pod would keep a node alive.
locals {
  training = { for pool, given in var.training_pools : pool => merge(given, {
    taint = given.gpu ? { key = "nvidia.com/gpu", value = "present" } : { key = "tunelet.dev/pool", value = pool }
    gpus  = given.gpu ? local.accelerators[given.instance_types[0]] : null
  }) }

  # Of a machine type with GPUs: their type and number, which the pool must repeat.
  accelerators = merge(
    { for size, number in { 4 = 1, 8 = 1, 12 = 1, 16 = 1, 32 = 1, 24 = 2, 48 = 4, 96 = 8 } : "g2-standard-${size}" => { type = "nvidia-l4", count = number } },
    { for number in [1, 2, 4, 8] : "a2-highgpu-${number}g" => { type = "nvidia-tesla-a100", count = number } },
    { for number in [1, 2, 4, 8] : "a2-ultragpu-${number}g" => { type = "nvidia-a100-80gb", count = number } },
    { for number in [1, 2, 4, 8] : "a3-highgpu-${number}g" => { type = "nvidia-h100-80gb", count = number } },
  )
}

# Nodes begin with the control plane's version, and follow it.
resource "google_container_node_pool" "system" {
  depends_on     = [google_project_iam_member.node]
  project        = var.account
  cluster        = google_container_cluster.main.name
  location       = var.region
  name           = "system"
  node_locations = local.zones

  # Of all zones together.
  autoscaling {
    total_min_node_count = var.system_pool.nodes
    total_max_node_count = var.system_pool.max_nodes
    location_policy      = "BALANCED"
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }
  node_config {
    machine_type    = var.system_pool.instance_types[0]
    disk_size_gb    = var.system_pool.disk_gb
    disk_type       = "pd-balanced"
    service_account = google_service_account.node.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = { "tunelet.dev/pool" = "system" }
    metadata        = { disable-legacy-endpoints = "true" }
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }
}

resource "google_container_node_pool" "training" {
  # checkov:skip=CKV_GCP_68: switched on, except where the driver of NVIDIA is not signed for it
  for_each       = local.training
  depends_on     = [google_project_iam_member.node]
  project        = var.account
  cluster        = google_container_cluster.main.name
  location       = var.region
  name           = each.key
  node_locations = local.zones

  initial_node_count = 0
  autoscaling {
    total_min_node_count = 0
    total_max_node_count = each.value.max_nodes
    # Wherever there are machines.
    location_policy = "ANY"
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }
  node_config {
    machine_type    = each.value.instance_types[0]
    spot            = each.value.spot
    disk_size_gb    = each.value.disk_gb
    disk_type       = "pd-balanced"
    service_account = google_service_account.node.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = { "tunelet.dev/pool" = each.key }
    metadata        = { disable-legacy-endpoints = "true" }

    taint {
      key    = each.value.taint.key
      value  = each.value.taint.value
      effect = "NO_SCHEDULE"
    }
    dynamic "guest_accelerator" {
      for_each = each.value.gpus[*]
      content {
        type  = guest_accelerator.value.type
        count = guest_accelerator.value.count
        gpu_driver_installation_config {
          gpu_driver_version = "DEFAULT"
        }
      }
    }
    shielded_instance_config {
      # NVIDIA's driver is not signed for it.
      enable_secure_boot          = !each.value.gpu
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }
}
