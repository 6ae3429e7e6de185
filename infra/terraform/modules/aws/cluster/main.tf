data "aws_partition" "current" {}

locals {
  managed = "arn:${data.aws_partition.current.partition}:iam::aws:policy"
  issuer  = trimprefix(aws_eks_cluster.main.identity[0].oidc[0].issuer, "https://")
}

# EKS would make it without an end of its entries.
resource "aws_cloudwatch_log_group" "control_plane" {
  # checkov:skip=CKV_AWS_158: AWS encrypts them with a key of its own
  # checkov:skip=CKV_AWS_338: a year of audit logs costs more than an idle installation
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = 30
}

resource "aws_eks_cluster" "main" {
  # checkov:skip=CKV_AWS_58: since 1.28 EKS encrypts all objects with a key of its own
  # checkov:skip=CKV_AWS_37: api, scheduler and controllerManager cost more than they tell
  depends_on = [aws_iam_role_policy_attachment.cluster, aws_cloudwatch_log_group.control_plane]
  name       = var.name
  version    = var.kubernetes_version
  role_arn   = aws_iam_role.cluster.arn
  # The add-ons below replace them.
  bootstrap_self_managed_addons = false
  enabled_cluster_log_types     = ["audit", "authenticator"]

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }
  kubernetes_network_config {
    service_ipv4_cidr = var.service_cidr
  }
  vpc_config {
    subnet_ids              = var.subnets
    endpoint_private_access = true
    endpoint_public_access  = length(var.api_allowed_cidrs) > 0
    public_access_cidrs     = length(var.api_allowed_cidrs) > 0 ? var.api_allowed_cidrs : null
  }
}

resource "aws_eks_access_entry" "admin" {
  for_each      = var.admins
  cluster_name  = aws_eks_cluster.main.name
  principal_arn = each.key
}

resource "aws_eks_access_policy_association" "admin" {
  for_each      = var.admins
  cluster_name  = aws_eks_cluster.main.name
  principal_arn = aws_eks_access_entry.admin[each.key].principal_arn
  policy_arn    = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
  access_scope {
    type = "cluster"
  }
}

# It issues the ServiceAccounts' tokens, by which pods take roles.
resource "aws_iam_openid_connect_provider" "cluster" {
  url            = aws_eks_cluster.main.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}

# Before the nodes, which are not ready without it. It enforces the overlays' NetworkPolicies.
resource "aws_eks_addon" "network" {
  cluster_name             = aws_eks_cluster.main.name
  addon_name               = "vpc-cni"
  service_account_role_arn = aws_iam_role.account["kube-system/aws-node"].arn
  configuration_values     = jsonencode({ enableNetworkPolicy = "true" })
}

resource "aws_eks_addon" "proxy" {
  cluster_name = aws_eks_cluster.main.name
  addon_name   = "kube-proxy"
}

resource "aws_eks_addon" "dns" {
  # It is ready only once its pods run.
  depends_on   = [aws_eks_node_group.system]
  cluster_name = aws_eks_cluster.main.name
  addon_name   = "coredns"
}
