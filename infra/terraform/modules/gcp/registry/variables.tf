variable "account" {
  description = "ID of the project."
  type        = string
}

variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "region" {
  description = "Region of the repository."
  type        = string
}

variable "nodes" {
  description = "Address of the nodes' service account, which pulls images."
  type        = string
}
