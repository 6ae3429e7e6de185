mock_provider "google" {}

variables {
  account = "acme-ml"
  name    = "tunelet"
  region  = "europe-west3"
  nodes   = "tunelet-node@acme-ml.iam.gserviceaccount.com"
}

run "tags_are_immutable_and_only_images_without_a_tag_end" {
  assert {
    condition     = one(google_artifact_registry_repository.images.docker_config).immutable_tags
    error_message = "a tag may name other bytes later"
  }
  assert {
    condition     = [for policy in google_artifact_registry_repository.images.cleanup_policies : one(policy.condition).tag_state] == ["UNTAGGED"]
    error_message = "images in use end"
  }
}

run "nodes_may_only_read_images" {
  assert {
    condition     = google_artifact_registry_repository_iam_member.nodes.member == "serviceAccount:${var.nodes}" && google_artifact_registry_repository_iam_member.nodes.role == "roles/artifactregistry.reader"
    error_message = "nodes cannot pull images, or may change them"
  }
}
