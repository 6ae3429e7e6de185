mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }
  mock_resource "aws_eks_cluster" {
    defaults = {
      arn      = "arn:aws:eks:eu-central-1:111122223333:cluster/tunelet"
      identity = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC" }] }]
    }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC" }
  }
  # The schema checks the forms of these.
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mocked" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  region             = "eu-central-1"
  bucket             = "acme-tunelet"
  kubernetes_version = "1.33"
  training_pools = {
    cpu = { instance_types = ["c6i.2xlarge"], max_nodes = 10, spot = true }
    gpu = { instance_types = ["g6.xlarge"], max_nodes = 2, gpu = true }
  }
}

run "the_account_gets_a_whole_installation" {
  variables {
    tenant_buckets = { default = "acme-default" }
  }
  assert {
    condition     = output.stores == { default = { url = "s3://acme-default/experiments" } }
    error_message = jsonencode(output.stores)
  }
  assert {
    condition = output.store_url == "s3://acme-tunelet/experiments" && toset(keys(output.service_accounts)) == toset([
      "tunelet/tunelet-api", "tunelet/tunelet-suggest", "tunelet/tunelet-launch", "tunelet/tunelet-complete",
      "tunelet/tunelet-sweep", "tunelet/tunelet-deadletter", "tunelet-trials-default/default", "kube-system/cluster-autoscaler",
    ])
    error_message = jsonencode(keys(output.service_accounts))
  }
  assert {
    condition     = keys(output.images) == ["tunelet", "tunelet-collector"]
    error_message = jsonencode(output.images)
  }
  assert {
    condition     = output.kubeconfig_command == "aws eks update-kubeconfig --region eu-central-1 --name tunelet"
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

run "a_zone_as_region_is_refused" {
  command = plan
  variables {
    region = "eu-central-1a"
  }
  expect_failures = [var.region]
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

run "a_session_as_administrator_is_refused" {
  command = plan
  variables {
    admins = ["arn:aws:sts::111122223333:assumed-role/ops/me"]
  }
  expect_failures = [var.admins]
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
    training_pools = { system = { instance_types = ["c6i.large"], max_nodes = 1 } }
  }
  expect_failures = [var.training_pools]
}

run "a_training_pool_without_nodes_is_refused" {
  command = plan
  variables {
    training_pools = { cpu = { instance_types = ["c6i.large"], max_nodes = 0 } }
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
