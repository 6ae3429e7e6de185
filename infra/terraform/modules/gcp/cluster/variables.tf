# infra/terraform/gcp validates these.
variable "account" {
  description = "ID of the project."
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

variable "network" {
  description = "ID of the network."
  type        = string
}

variable "subnet" {
  description = "ID of the subnetwork of the nodes, with the ranges pods and services."
  type        = string
}

variable "name" {
  description = "Name of the cluster."
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
  description = "Members of IAM that administer the cluster."
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
