mock_provider "google" {
  mock_data "google_compute_zones" {
    defaults = { names = ["europe-west3-c", "europe-west3-a", "europe-west3-b"] }
  }
  mock_resource "google_service_account" {
    defaults = { email = "tunelet-node@acme-ml.iam.gserviceaccount.com" }
  }
}

variables {
  account            = "acme-ml"
  region             = "europe-west3"
  zones              = 2
  name               = "tunelet"
  kubernetes_version = "1.33"
  network            = "projects/acme-ml/global/networks/tunelet"
  subnet             = "projects/acme-ml/regions/europe-west3/subnetworks/tunelet-nodes"
  api_allowed_cidrs  = []
  admins             = ["group:ops@example.com"]
  system_pool        = { instance_types = ["e2-standard-2"], nodes = 2, max_nodes = 4, disk_gb = 50 }
  training_pools = {
    cpu = { instance_types = ["c3-standard-8"], max_nodes = 10, spot = true, gpu = false, disk_gb = 100 }
    gpu = { instance_types = ["g2-standard-24"], max_nodes = 2, spot = false, gpu = true, disk_gb = 200 }
  }
}

run "training_pools_scale_to_zero_and_the_system_pool_does_not" {
  assert {
    condition = { for pool, each in google_container_node_pool.training : pool => [each.initial_node_count, one(each.autoscaling).total_min_node_count, one(each.autoscaling).total_max_node_count] } == {
      cpu = [0, 0, 10], gpu = [0, 0, 2]
    }
    error_message = "a training pool keeps nodes, or has others than asked for"
  }
  assert {
    condition     = one(google_container_node_pool.system.autoscaling).total_min_node_count == 2 && length(one(google_container_node_pool.system.node_config).taint) == 0
    error_message = "the functions have no node"
  }
  assert {
    condition     = google_container_node_pool.system.node_locations == toset(["europe-west3-a", "europe-west3-b"])
    error_message = "nodes are in other zones than asked for"
  }
}

run "a_training_pool_is_for_trials_that_name_it" {
  assert {
    condition = { for pool, each in google_container_node_pool.training : pool => [one(one(each.node_config).taint).key, one(one(each.node_config).taint).value, one(one(each.node_config).taint).effect] } == {
      cpu = ["tunelet.dev/pool", "cpu", "NO_SCHEDULE"], gpu = ["nvidia.com/gpu", "present", "NO_SCHEDULE"]
    }
    error_message = "other pods keep the pool's nodes alive"
  }
  assert {
    condition = alltrue([for pool, given in output.training_pools :
      tomap(given.node_selector) == one(google_container_node_pool.training[pool].node_config).labels
    && given.tolerations[0].key == one(one(google_container_node_pool.training[pool].node_config).taint).key])
    error_message = jsonencode(output.training_pools)
  }
}

run "spot_and_gpu_are_as_asked_for" {
  assert {
    condition     = { for pool, each in google_container_node_pool.training : pool => one(each.node_config).spot } == { cpu = true, gpu = false }
    error_message = "spot differs"
  }
  assert {
    condition = jsonencode({ for pool, each in google_container_node_pool.training : pool => [for gpu in one(each.node_config).guest_accelerator : "${gpu.count} ${gpu.type}"] }) == jsonencode({
      cpu = [], gpu = ["2 nvidia-l4"]
    })
    error_message = "the GPUs differ from those of the machine type"
  }
}

run "no_pod_takes_the_identity_of_its_node" {
  assert {
    condition = alltrue([for each in concat([google_container_node_pool.system], values(google_container_node_pool.training)) :
      one(one(each.node_config).workload_metadata_config).mode == "GKE_METADATA" && one(each.node_config).service_account == google_service_account.node.email
    && one(each.node_config).metadata["disable-legacy-endpoints"] == "true"])
    error_message = "a pod reaches the machine's metadata, or nodes have the default identity"
  }
  assert {
    condition     = google_project_iam_member.node.role == "roles/container.defaultNodeServiceAccount"
    error_message = "nodes have other rights than they need"
  }
}

run "service_accounts_are_principals" {
  assert {
    condition     = one(google_container_cluster.main.workload_identity_config).workload_pool == "acme-ml.svc.id.goog" && output.workload_pool == "acme-ml.svc.id.goog"
    error_message = "the cluster has another pool"
  }
}

run "the_api_has_no_public_address_unless_one_asks" {
  assert {
    condition     = one(google_container_cluster.main.private_cluster_config).enable_private_endpoint && one(google_container_cluster.main.private_cluster_config).enable_private_nodes
    error_message = "the API is public, or nodes are"
  }
}

run "the_api_is_open_to_the_named_addresses" {
  variables {
    api_allowed_cidrs = ["198.51.100.7/32"]
  }
  assert {
    condition     = !one(google_container_cluster.main.private_cluster_config).enable_private_endpoint && [for block in one(google_container_cluster.main.master_authorized_networks_config).cidr_blocks : block.cidr_block] == ["198.51.100.7/32"]
    error_message = "the API is open to others"
  }
}

run "network_policies_are_enforced" {
  assert {
    condition     = google_container_cluster.main.datapath_provider == "ADVANCED_DATAPATH"
    error_message = "NetworkPolicies have no effect"
  }
}

run "the_named_people_administer_this_cluster" {
  assert {
    condition     = google_project_iam_member.admin["group:ops@example.com"].role == "roles/container.admin" && endswith(one(google_project_iam_member.admin["group:ops@example.com"].condition).expression, "/clusters/tunelet')")
    error_message = "others administer the cluster, or they administer others"
  }
}

run "a_region_with_too_few_zones_is_refused" {
  command = plan
  override_data {
    target = data.google_compute_zones.available
    values = { names = ["europe-west3-a"] }
  }
  expect_failures = [data.google_compute_zones.available]
}
