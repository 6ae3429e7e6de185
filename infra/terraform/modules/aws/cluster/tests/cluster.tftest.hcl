mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
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
  name               = "tunelet"
  kubernetes_version = "1.33"
  subnets            = ["subnet-a", "subnet-b"]
  service_cidr       = "172.20.0.0/16"
  api_allowed_cidrs  = []
  admins             = ["arn:aws:iam::111122223333:role/ops"]
  system_pool        = { instance_types = ["t3.large"], nodes = 2, max_nodes = 4, disk_gb = 50 }
  training_pools = {
    cpu = { instance_types = ["c6i.2xlarge"], max_nodes = 10, spot = true, gpu = false, disk_gb = 100 }
    gpu = { instance_types = ["g6.xlarge"], max_nodes = 2, spot = false, gpu = true, disk_gb = 200 }
  }
}

run "training_pools_scale_to_zero_and_the_system_pool_does_not" {
  assert {
    condition = { for pool, group in aws_eks_node_group.training : pool => [one(group.scaling_config).min_size, one(group.scaling_config).max_size] } == {
      cpu = [0, 10], gpu = [0, 2]
    }
    error_message = "a training pool keeps nodes, or has others than asked for"
  }
  assert {
    condition     = one(aws_eks_node_group.system.scaling_config).min_size == 2 && length(aws_eks_node_group.system.taint) == 0
    error_message = "the functions have no node"
  }
}

run "a_training_pool_is_for_trials_that_name_it" {
  assert {
    condition = { for pool, group in aws_eks_node_group.training : pool => [one(group.taint).key, one(group.taint).value, one(group.taint).effect] } == {
      cpu = ["tunelet.dev/pool", "cpu", "NO_SCHEDULE"], gpu = ["nvidia.com/gpu", "present", "NO_SCHEDULE"]
    }
    error_message = "other pods keep the pool's nodes alive"
  }
  assert {
    condition = alltrue([for pool, given in output.training_pools :
      tomap(given.node_selector) == aws_eks_node_group.training[pool].labels
    && given.tolerations[0].key == one(aws_eks_node_group.training[pool].taint).key && given.tolerations[0].value == one(aws_eks_node_group.training[pool].taint).value])
    error_message = jsonencode(output.training_pools)
  }
}

run "spot_and_gpu_are_as_asked_for" {
  assert {
    condition = { for pool, group in aws_eks_node_group.training : pool => [group.capacity_type, group.ami_type] } == {
      cpu = ["SPOT", "AL2023_x86_64_STANDARD"], gpu = ["ON_DEMAND", "AL2023_x86_64_NVIDIA"]
    }
    error_message = "capacity type or image differ"
  }
}

run "no_pod_takes_the_role_of_its_node" {
  assert {
    condition     = alltrue([for each in aws_launch_template.pool : one(each.metadata_options).http_tokens == "required" && one(each.metadata_options).http_put_response_hop_limit == 1])
    error_message = "a container reaches the machine's metadata"
  }
  assert {
    condition     = alltrue([for each in aws_launch_template.pool : one(one(each.block_device_mappings).ebs).encrypted == "true"])
    error_message = "a disk is not encrypted"
  }
  assert {
    condition = toset([for each in aws_iam_role_policy_attachment.node : each.policy_arn]) == toset([
    "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"])
    error_message = "nodes have other rights than they need"
  }
}

run "the_api_has_no_public_address_unless_one_asks" {
  assert {
    condition     = one(aws_eks_cluster.main.vpc_config).endpoint_public_access == false && one(aws_eks_cluster.main.vpc_config).endpoint_private_access
    error_message = "the API is public"
  }
}

run "the_api_is_open_to_the_named_addresses" {
  variables {
    api_allowed_cidrs = ["198.51.100.7/32"]
  }
  assert {
    condition     = one(aws_eks_cluster.main.vpc_config).endpoint_public_access && one(aws_eks_cluster.main.vpc_config).public_access_cidrs == toset(["198.51.100.7/32"])
    error_message = "the API is open to others"
  }
}

run "network_policies_are_enforced" {
  assert {
    condition     = jsondecode(aws_eks_addon.network.configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies have no effect"
  }
}

run "only_the_autoscaler_changes_the_pools_of_this_cluster_only" {
  assert {
    condition = alltrue([for account, role in aws_iam_role.account :
    jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub"] == "system:serviceaccount:kube-system:${split("/", account)[1]}"])
    error_message = jsonencode(aws_iam_role.account)
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.autoscaler.policy).Statement : [statement.Resource, try(statement.Condition, null)] if anytrue([for action in statement.Action : !can(regex(":(Describe|Get)", action))])] == [
      ["*", { StringEquals = { "aws:ResourceTag/eks:cluster-name" = "tunelet" } }],
    ]
    error_message = aws_iam_role_policy.autoscaler.policy
  }
}

run "the_named_people_administer_the_cluster" {
  assert {
    condition     = [for each in aws_eks_access_policy_association.admin : each.principal_arn] == ["arn:aws:iam::111122223333:role/ops"]
    error_message = "others administer the cluster"
  }
}
