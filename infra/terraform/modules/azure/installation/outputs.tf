output "store_url" {
  description = "TUNELET_STORE."
  value       = "az://${azurerm_storage_container.store["shared"].name}/${var.prefix}"
}

output "environment" {
  description = "Variables of the functions, besides TUNELET_STORE; for the ConfigMap tunelet."
  # obstore deletes by batches, whose outer request names no blob: a condition on paths refuses it.
  value = tomap({ AZURE_STORAGE_ACCOUNT = azurerm_storage_account.store.name, TUNELET_STORE_CLIENT = "azure" })
}

output "service_accounts" {
  description = "Annotations and pod labels that give ServiceAccounts their identity, by Kubernetes namespace/name."
  value = { for account, identity in azurerm_user_assigned_identity.account : account => {
    annotations = { "azure.workload.identity/client-id" = identity.client_id }
    pod_labels  = { "azure.workload.identity/use" = "true" }
  } }
}

output "trials_namespaces" {
  description = "Kubernetes namespace of the trials of each tenant."
  value       = module.identities.trials_namespaces
}

output "launcher" {
  description = "TUNELET_LAUNCHER without the collector's image."
  # The trials' pods need the label; the overlay gives it to the functions'.
  value = "${module.identities.launcher}&pod_labels=azure.workload.identity/use%3Dtrue"
}

output "overlay" {
  description = "Overlay of infra/knative that has these ServiceAccounts."
  value       = var.overlay
}

output "stores" {
  description = "Stores of the tenants with a bucket of their own, by tenant; for the ConfigMap tunelet-stores."
  value       = { for tenant, _ in var.tenant_buckets : tenant => { url = "az://${azurerm_storage_container.store["tenant/${tenant}"].name}/${var.prefix}" } }
}
