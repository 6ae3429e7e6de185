provider "aws" {
  region = var.region
  default_tags {
    tags = { tunelet = var.name }
  }
}

module "network" {
  source       = "../modules/aws/network"
  name         = var.name
  region       = var.region
  cidr         = var.cidr
  zones        = var.zones
  nat_per_zone = var.nat_per_zone
}

module "cluster" {
  source             = "../modules/aws/cluster"
  name               = var.name
  kubernetes_version = var.kubernetes_version
  subnets            = module.network.private_subnets
  service_cidr       = var.service_cidr
  api_allowed_cidrs  = var.api_allowed_cidrs
  admins             = var.admins
  system_pool        = var.system_pool
  training_pools     = var.training_pools
}

module "registry" {
  source = "../modules/aws/registry"
  name   = var.name
}

module "installation" {
  source            = "../modules/aws/installation"
  name              = var.name
  account           = var.account
  region            = var.region
  bucket            = var.bucket
  prefix            = var.prefix
  encryption_key    = var.encryption_key
  keep_deleted_days = var.keep_deleted_days
  destroy_data      = var.destroy_data
  overlay           = var.overlay
  tenants           = var.tenants
  tenant_buckets    = var.tenant_buckets
  issuer            = module.cluster.oidc_provider_arn
}
