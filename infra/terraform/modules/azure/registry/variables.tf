variable "name" {
  description = "Name of the registry. Such names are global."
  type        = string
}

variable "resource_group" {
  description = "Name of the resource group."
  type        = string
}

variable "region" {
  description = "Region of the registry."
  type        = string
}

variable "nodes" {
  description = "Object ID of the identity of the nodes, which pull images."
  type        = string
}
