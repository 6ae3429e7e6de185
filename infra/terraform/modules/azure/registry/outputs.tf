output "images" {
  description = "Names of the images without a tag, by the names that `make image` gives."
  value       = { for image in ["tunelet", "tunelet-collector"] : image => "${azurerm_container_registry.images.name}.azurecr.io/${image}" }
}
