# infra/terraform/gcp validates these.
variable "account" {
  description = "ID of the project."
  type        = string
}

variable "name" {
  description = "Name of the network."
  type        = string
}

variable "region" {
  description = "Region of the nodes."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network, for nodes and pods."
  type        = string
}

variable "service_cidr" {
  description = "Addresses of Kubernetes Services."
  type        = string
}
