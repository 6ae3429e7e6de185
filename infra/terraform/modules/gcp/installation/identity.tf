# Each ServiceAccount is a principal of the cluster's workload identity pool by its name. There is
# neither a Google service account nor a key, and nothing to annotate.
data "google_project" "cluster" {
  project_id = trimsuffix(var.issuer, ".svc.id.goog")
}

locals {
  pool = "principal://iam.googleapis.com/projects/${data.google_project.cluster.number}/locations/global/workloadIdentityPools/${var.issuer}"
  members = { for account, _ in module.identities.identities : account =>
  "${local.pool}/subject/ns/${split("/", account)[0]}/sa/${split("/", account)[1]}" }
}
