output "images" {
  description = "Names of the images without a tag, by the names that `make image` gives."
  value       = { for name, repository in aws_ecr_repository.image : name => repository.repository_url }
}
