provider "azurerm" {
  subscription_id = var.account
  # The store's account accepts no key.
  storage_use_azuread = true
  features {}
}

resource "azurerm_resource_group" "main" {
  name     = var.name
  location = var.region
  tags     = { tunelet = var.name }
}

module "network" {
  source         = "../modules/azure/network"
  name           = var.name
  resource_group = azurerm_resource_group.main.name
  region         = var.region
  cidr           = var.cidr
}

module "cluster" {
  source             = "../modules/azure/cluster"
  name               = var.name
  resource_group     = azurerm_resource_group.main.name
  region             = var.region
  zones              = var.zones
  kubernetes_version = var.kubernetes_version
  subnet             = module.network.subnet
  pod_cidr           = module.network.pod_cidr
  service_cidr       = var.service_cidr
  api_allowed_cidrs  = var.api_allowed_cidrs
  admins             = var.admins
  system_pool        = var.system_pool
  training_pools     = var.training_pools
}

module "registry" {
  source = "../modules/azure/registry"
  # The storage account's name is global, and has the form of a registry's.
  name           = "${var.bucket}images"
  resource_group = azurerm_resource_group.main.name
  region         = var.region
  nodes          = module.cluster.nodes
}

module "installation" {
  source            = "../modules/azure/installation"
  account           = var.account
  name              = var.name
  region            = var.region
  bucket            = var.bucket
  prefix            = var.prefix
  encryption_key    = var.encryption_key
  keep_deleted_days = var.keep_deleted_days
  destroy_data      = var.destroy_data
  overlay           = var.overlay
  tenants           = var.tenants
  tenant_buckets    = var.tenant_buckets
  issuer            = module.cluster.issuer
}
