variable "name" {
  description = "Precedes the names of the repositories."
  type        = string
}
