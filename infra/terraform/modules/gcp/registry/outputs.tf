output "images" {
  description = "Names of the images without a tag, by the names that `make image` gives."
  value = { for image in ["tunelet", "tunelet-collector"] : image =>
  "${var.region}-docker.pkg.dev/${var.account}/${google_artifact_registry_repository.images.repository_id}/${image}" }
}
