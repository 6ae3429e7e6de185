output "name" {
  description = "Name of the cluster."
  # A cluster without nodes and DNS is of no use to those who install on it.
  depends_on = [aws_eks_addon.dns, aws_eks_node_group.training]
  value      = aws_eks_cluster.main.name
}

output "oidc_provider_arn" {
  description = "ARN of the IAM OIDC provider of the cluster."
  value       = aws_iam_openid_connect_provider.cluster.arn
}

output "autoscaler" {
  description = "Annotations and pod labels of the Cluster Autoscaler's ServiceAccount, by Kubernetes namespace/name."
  value = { "kube-system/cluster-autoscaler" = {
    annotations = { "eks.amazonaws.com/role-arn" = aws_iam_role.account["kube-system/cluster-autoscaler"].arn }
    pod_labels  = {}
  } }
}

output "training_pools" {
  description = "Label and taint of each training pool, for node_selector and tolerations of a request."
  value = { for pool, given in local.training : pool => {
    node_selector = { "tunelet.dev/pool" = pool }
    tolerations   = [merge(given.taint, { operator = "Equal", effect = "NoSchedule" })]
  } }
}
