# The nodes' own identity instead of the default one, which may change the whole project. Pods cannot
# take it: the metadata server answers them with their own.
resource "google_service_account" "node" {
  project      = var.account
  account_id   = "${var.name}-node"
  display_name = "Nodes of ${var.name}"
}

resource "google_project_iam_member" "node" {
  project = var.account
  role    = "roles/container.defaultNodeServiceAccount"
  member  = "serviceAccount:${google_service_account.node.email}"
}
