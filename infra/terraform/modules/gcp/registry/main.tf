# One repository for both images. Tags are immutable, so a tag names the same bytes for ever; images
# without a tag end after two weeks.
resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84: the images have no secret: Google encrypts with a key of its own
  project       = var.account
  location      = var.region
  repository_id = var.name
  format        = "DOCKER"

  docker_config {
    immutable_tags = true
  }
  cleanup_policies {
    id     = "untagged"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "1209600s"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "nodes" {
  project    = var.account
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${var.nodes}"
}
