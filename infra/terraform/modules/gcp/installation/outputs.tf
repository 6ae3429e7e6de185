output "store_url" {
  description = "TUNELET_STORE."
  value       = "gs://${google_storage_bucket.store["shared"].name}/${var.prefix}"
}

output "environment" {
  description = "Variables of the functions, besides TUNELET_STORE; for the ConfigMap tunelet."
  value       = tomap({})
}

output "service_accounts" {
  description = "Annotations and pod labels that give ServiceAccounts their identity, by Kubernetes namespace/name."
  value = { for account, _ in local.members : account => {
    annotations = {}
    pod_labels  = {}
  } }
}

output "trials_namespaces" {
  description = "Kubernetes namespace of the trials of each tenant."
  value       = module.identities.trials_namespaces
}

output "launcher" {
  description = "TUNELET_LAUNCHER without the collector's image."
  value       = module.identities.launcher
}

output "overlay" {
  description = "Overlay of infra/knative that has these ServiceAccounts."
  value       = var.overlay
}

output "stores" {
  description = "Stores of the tenants with a bucket of their own, by tenant; for the ConfigMap tunelet-stores."
  value       = { for tenant, _ in var.tenant_buckets : tenant => { url = "gs://${google_storage_bucket.store["tenant/${tenant}"].name}/${var.prefix}" } }
}
