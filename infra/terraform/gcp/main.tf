provider "google" {
  project        = var.account
  region         = var.region
  default_labels = { tunelet = var.name }
}

# New projects have them off. They stay on at the end: others in the project may use them.
resource "google_project_service" "used" {
  for_each           = toset(["artifactregistry", "compute", "container", "iam", "storage"])
  project            = var.account
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

module "network" {
  source       = "../modules/gcp/network"
  depends_on   = [google_project_service.used]
  account      = var.account
  name         = var.name
  region       = var.region
  cidr         = var.cidr
  service_cidr = var.service_cidr
}

module "cluster" {
  source             = "../modules/gcp/cluster"
  account            = var.account
  name               = var.name
  region             = var.region
  zones              = var.zones
  kubernetes_version = var.kubernetes_version
  network            = module.network.network
  subnet             = module.network.subnet
  api_allowed_cidrs  = var.api_allowed_cidrs
  admins             = var.admins
  system_pool        = var.system_pool
  training_pools     = var.training_pools
}

module "registry" {
  source     = "../modules/gcp/registry"
  depends_on = [google_project_service.used]
  account    = var.account
  name       = var.name
  region     = var.region
  nodes      = module.cluster.nodes
}

module "installation" {
  source            = "../modules/gcp/installation"
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
  issuer            = module.cluster.workload_pool
}
