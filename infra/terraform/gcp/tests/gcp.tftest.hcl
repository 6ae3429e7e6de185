mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "42" }
  }
  mock_data "google_compute_zones" {
    defaults = { names = ["europe-west3-c", "europe-west3-a", "europe-west3-b"] }
  }
}

variables {
  account            = "acme-ml"
  region             = "europe-west3"
  bucket             = "acme-tunelet"
  kubernetes_version = "1.33"
  training_pools = {
    cpu = { instance_types = ["c3-standard-8"], max_nodes = 10, spot = true }
    gpu = { instance_types = ["g2-standard-8"], max_nodes = 2, gpu = true }
  }
}

run "the_project_gets_a_whole_installation" {
  variables {
    tenant_buckets = { default = "acme-default" }
  }
  assert {
    condition     = output.stores == { default = { url = "gs://acme-default/experiments" } }
    error_message = jsonencode(output.stores)
  }
  assert {
    condition = output.store_url == "gs://acme-tunelet/experiments" && toset(keys(output.service_accounts)) == toset([
      "tunelet/tunelet-api", "tunelet/tunelet-suggest", "tunelet/tunelet-launch", "tunelet/tunelet-complete",
      "tunelet/tunelet-sweep", "tunelet/tunelet-deadletter", "tunelet-trials-default/default",
    ])
    error_message = jsonencode(keys(output.service_accounts))
  }
  assert {
    condition     = output.images == { tunelet = "europe-west3-docker.pkg.dev/acme-ml/tunelet/tunelet", tunelet-collector = "europe-west3-docker.pkg.dev/acme-ml/tunelet/tunelet-collector" }
    error_message = jsonencode(output.images)
  }
  assert {
    condition     = output.kubeconfig_command == "gcloud container clusters get-credentials tunelet --region europe-west3 --project acme-ml"
    error_message = output.kubeconfig_command
  }
  assert {
    condition = output.training_pools == {
      cpu = {
        node_selector = { "tunelet.dev/pool" = "cpu" }
        tolerations   = [{ key = "tunelet.dev/pool", value = "cpu", operator = "Equal", effect = "NoSchedule" }]
      }
      gpu = {
        node_selector = { "tunelet.dev/pool" = "gpu" }
        tolerations   = [{ key = "nvidia.com/gpu", value = "present", operator = "Equal", effect = "NoSchedule" }]
      }
    }
    error_message = jsonencode(output.training_pools)
  }
}

run "a_range_for_services_inside_the_network_is_refused" {
  command = plan
  variables {
    service_cidr = "10.64.128.0/20"
  }
  expect_failures = [var.service_cidr]
}

run "a_range_for_services_around_the_network_is_refused" {
  command = plan
  variables {
    service_cidr = "10.64.0.0/12"
  }
  expect_failures = [var.service_cidr]
}

run "a_range_beside_the_network_is_accepted" {
  command = plan
  variables {
    cidr           = "10.64.0.0/20"
    service_cidr   = "10.64.16.0/20"
    reserved_cidrs = ["10.64.32.0/19", "192.168.0.0/16"]
  }
}

run "a_reserved_range_in_the_network_is_refused" {
  command = plan
  variables {
    reserved_cidrs = ["192.168.0.0/16", "10.64.3.0/24"]
  }
  expect_failures = [var.reserved_cidrs]
}

run "a_reserved_range_in_that_of_services_is_refused" {
  command = plan
  variables {
    reserved_cidrs = ["172.16.0.0/12"]
  }
  expect_failures = [var.reserved_cidrs]
}

run "a_reserved_range_that_is_none_is_refused" {
  command = plan
  variables {
    reserved_cidrs = ["office"]
  }
  expect_failures = [var.reserved_cidrs]
}

run "a_network_too_small_is_refused" {
  command = plan
  variables {
    cidr = "10.64.0.0/21"
  }
  expect_failures = [var.cidr]
}

run "a_network_that_begins_inside_another_is_refused" {
  command = plan
  variables {
    cidr = "10.64.1.0/16"
  }
  expect_failures = [var.cidr]
}

run "a_range_for_services_too_small_is_refused" {
  command = plan
  variables {
    service_cidr = "172.20.0.0/25"
  }
  expect_failures = [var.service_cidr]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    zones = 1
  }
  expect_failures = [var.zones]
}

run "a_version_with_a_patch_is_refused" {
  command = plan
  variables {
    kubernetes_version = "1.33.1"
  }
  expect_failures = [var.kubernetes_version]
}

run "an_api_open_to_the_internet_is_refused" {
  command = plan
  variables {
    api_allowed_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.api_allowed_cidrs]
}

run "a_system_pool_without_nodes_is_refused" {
  command = plan
  variables {
    system_pool = { nodes = 0 }
  }
  expect_failures = [var.system_pool]
}

run "a_system_pool_with_more_nodes_than_its_most_is_refused" {
  command = plan
  variables {
    system_pool = { nodes = 5 }
  }
  expect_failures = [var.system_pool]
}

run "a_system_pool_with_a_small_disk_is_refused" {
  command = plan
  variables {
    system_pool = { disk_gb = 5 }
  }
  expect_failures = [var.system_pool]
}

run "a_training_pool_named_system_is_refused" {
  command = plan
  variables {
    training_pools = { system = { instance_types = ["c3-standard-8"], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "a_training_pool_without_nodes_is_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = ["c3-standard-8"], max_nodes = 0 } }
  }
  expect_failures = [var.training_pools]
}

run "a_training_pool_without_instance_types_is_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = [], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "a_zone_as_region_is_refused" {
  command = plan
  variables {
    region = "europe-west3-a"
  }
  expect_failures = [var.region]
}

run "a_project_by_number_is_refused" {
  command = plan
  variables {
    account = "123456789012"
  }
  expect_failures = [var.account]
}

run "an_administrator_without_a_kind_is_refused" {
  command = plan
  variables {
    admins = ["me@example.com"]
  }
  expect_failures = [var.admins]
}

run "a_gateway_for_each_zone_is_refused" {
  command = plan
  variables {
    nat_per_zone = true
  }
  expect_failures = [var.nat_per_zone]
}

run "a_gpu_pool_without_gpus_is_refused" {
  command = plan
  variables {
    training_pools = { gpu = { instance_types = ["n2-standard-8"], max_nodes = 1, gpu = true } }
  }
  expect_failures = [var.training_pools]
}

run "two_types_of_one_pool_are_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = ["c3-standard-8", "c2-standard-8"], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "two_types_of_the_system_pool_are_refused" {
  command = plan
  variables {
    system_pool = { instance_types = ["e2-standard-2", "e2-standard-4"] }
  }
  expect_failures = [var.system_pool]
}
