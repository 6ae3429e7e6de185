# The exact version, because the lock file is not in the repository (../README.md).
terraform {
  required_version = ">= 1.10"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "4.55.0"
    }
  }
  # The state of one directory is lost with it. ../README.md shows the settings.
  backend "azurerm" {}
}
