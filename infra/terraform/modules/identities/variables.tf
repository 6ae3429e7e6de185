# The installations validate these.
variable "overlay" {
  description = "knative or plain."
  type        = string
}

variable "kubernetes_namespace" {
  description = "Kubernetes namespace of the functions."
  type        = string
}

variable "trials_prefix" {
  description = "What precedes a namespace of experiments in the name of the Kubernetes namespace of its trials."
  type        = string
}

variable "tenants" {
  description = "Namespaces of experiments."
  type        = set(string)
}

variable "own" {
  description = "Those of the tenants that have a bucket of their own."
  type        = set(string)
}
