# The system pool runs Knative and the functions. Training pools are empty until a trial waits for a
# node: their taints keep all other pods away, and one such pod would keep a node alive.
locals {
  training = { for pool, given in var.training_pools : pool => merge(given, {
    taint = given.gpu ? { key = "nvidia.com/gpu", value = "present" } : { key = "tunelet.dev/pool", value = pool }
  }) }
}

resource "aws_launch_template" "pool" {
  for_each               = merge({ system = var.system_pool.disk_gb }, { for pool, given in local.training : pool => given.disk_gb })
  name                   = "${var.name}-${each.key}"
  update_default_version = true

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = each.value
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }
  # One hop does not reach a container, so a pod cannot take the node's role.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

resource "aws_eks_node_group" "system" {
  depends_on      = [aws_eks_addon.network, aws_eks_addon.proxy, aws_iam_role_policy_attachment.node, aws_iam_role_policy_attachment.network]
  cluster_name    = aws_eks_cluster.main.name
  node_group_name = "system"
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = var.subnets
  version         = var.kubernetes_version
  ami_type        = "AL2023_x86_64_STANDARD"
  instance_types  = var.system_pool.instance_types
  labels          = { "tunelet.dev/pool" = "system" }

  launch_template {
    id      = aws_launch_template.pool["system"].id
    version = aws_launch_template.pool["system"].latest_version
  }
  scaling_config {
    min_size     = var.system_pool.nodes
    desired_size = var.system_pool.nodes
    max_size     = var.system_pool.max_nodes
  }
  update_config {
    max_unavailable = 1
  }
  lifecycle {
    # The autoscaler changes it.
    ignore_changes = [scaling_config[0].desired_size]
  }
}

resource "aws_eks_node_group" "training" {
  for_each        = local.training
  depends_on      = [aws_eks_addon.network, aws_eks_addon.proxy, aws_iam_role_policy_attachment.node, aws_iam_role_policy_attachment.network]
  cluster_name    = aws_eks_cluster.main.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = var.subnets
  version         = var.kubernetes_version
  ami_type        = each.value.gpu ? "AL2023_x86_64_NVIDIA" : "AL2023_x86_64_STANDARD"
  capacity_type   = each.value.spot ? "SPOT" : "ON_DEMAND"
  instance_types  = each.value.instance_types
  labels          = { "tunelet.dev/pool" = each.key }

  taint {
    key    = each.value.taint.key
    value  = each.value.taint.value
    effect = "NO_SCHEDULE"
  }
  launch_template {
    id      = aws_launch_template.pool[each.key].id
    version = aws_launch_template.pool[each.key].latest_version
  }
  scaling_config {
    min_size     = 0
    desired_size = 0
    max_size     = each.value.max_nodes
  }
  update_config {
    max_unavailable = 1
  }
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }
}
