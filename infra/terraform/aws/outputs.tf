output "store_url" {
  description = "TUNELET_STORE."
  value       = module.installation.store_url
}

output "environment" {
  description = "Variables of the functions, besides TUNELET_STORE; for the ConfigMap tunelet."
  value       = module.installation.environment
}

output "launcher" {
  description = "TUNELET_LAUNCHER without the collector's image."
  value       = module.installation.launcher
}

output "service_accounts" {
  description = "Annotations and pod labels that give ServiceAccounts their identity, by Kubernetes namespace/name."
  value       = merge(module.installation.service_accounts, module.cluster.autoscaler)
}

output "trials_namespaces" {
  description = "Kubernetes namespace of the trials of each tenant."
  value       = module.installation.trials_namespaces
}

output "overlay" {
  description = "Overlay of infra/knative that has these ServiceAccounts."
  value       = module.installation.overlay
}

output "images" {
  description = "Names of the images without a tag, by the names that `make image` gives."
  value       = module.registry.images
}

output "training_pools" {
  description = "node_selector and tolerations of a request for each training pool."
  value       = module.cluster.training_pools
}

output "cluster" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "kubeconfig_command" {
  description = "The command by which kubectl gets access."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${module.cluster.name}"
}

output "kubernetes_version" {
  description = "Kubernetes version of the cluster, without the patch."
  value       = var.kubernetes_version
}

output "stores" {
  description = "Stores of the tenants with a bucket of their own, by tenant; for the ConfigMap tunelet-stores."
  value       = module.installation.stores
}
