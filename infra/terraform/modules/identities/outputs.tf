output "identities" {
  description = "Of each ServiceAccount, by Kubernetes namespace/name: a name for its identity, its store (shared, or tenant/NAME), and its verbs on keys there. Functions have theirs in each store."
  value = merge(
    { for account, rights in local.functions : "${var.kubernetes_namespace}/${account}" => {
      name = account, tenant = "", store = "shared", rights = rights
    } },
    { for tenant, rights in local.trials : "${var.trials_prefix}${tenant}/default" => {
      name = "trials-${tenant}", tenant = tenant, store = contains(var.own, tenant) ? "tenant/${tenant}" : "shared", rights = rights
    } },
  )
}

output "trials_namespaces" {
  description = "Kubernetes namespace of the trials of each tenant."
  value       = { for tenant in var.tenants : tenant => "${var.trials_prefix}${tenant}" }
}

output "launcher" {
  description = "TUNELET_LAUNCHER without the collector's image."
  value       = "kubernetes://?prefix=${var.trials_prefix}"
}
