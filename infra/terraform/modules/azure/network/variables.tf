# infra/terraform/azure validates these.
variable "name" {
  description = "Name of the network."
  type        = string
}

variable "resource_group" {
  description = "Name of the resource group."
  type        = string
}

variable "region" {
  description = "Region of the network."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network, for nodes and pods."
  type        = string
}
