# infra/terraform/azure validates these.
variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "resource_group" {
  description = "Name of the resource group."
  type        = string
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "zones" {
  description = "Number of zones of the nodes."
  type        = number
}

variable "subnet" {
  description = "ID of the subnet of the nodes."
  type        = string
}

variable "pod_cidr" {
  description = "Addresses of pods."
  type        = string
}

variable "service_cidr" {
  description = "Addresses of Kubernetes Services."
  type        = string
}

variable "kubernetes_version" {
  description = "Kubernetes version of the cluster and its nodes."
  type        = string
}

variable "api_allowed_cidrs" {
  description = "Addresses that reach the Kubernetes API from outside the network; none: it has no public address."
  type        = set(string)
}

variable "admins" {
  description = "Object IDs of those that administer the cluster."
  type        = set(string)
}

variable "system_pool" {
  description = "Nodes that always run."
  type        = object({ instance_types = list(string), nodes = number, max_nodes = number, disk_gb = number })
}

variable "training_pools" {
  description = "Pools for trials, by name."
  type = map(object({
    instance_types = list(string)
    max_nodes      = number
    spot           = bool
    gpu            = bool
    disk_gb        = number
  }))
}
