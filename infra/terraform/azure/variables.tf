# modules/azure/installation validates name, bucket, prefix, encryption_key, keep_deleted_days, overlay,
# tenants and tenant_buckets.
variable "name" {
  description = "Name of the installation, its cluster and its network; the names of identities begin with it."
  type        = string
  default     = "tunelet"
}

variable "account" {
  description = "Account of everything: the ID of the AWS account, of the Google project or of the Azure subscription."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.account))
    error_message = "account must be the ID of a subscription, such as 00000000-0000-0000-0000-000000000000. `az account list` shows them."
  }
}

variable "region" {
  description = "Region of everything, such as eu-central-1 (AWS), europe-west3 (Google) or germanywestcentral (Azure)."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+[0-9]?$", var.region))
    error_message = "region must have the form of germanywestcentral."
  }
}

variable "cidr" {
  description = "Addresses of the network, for nodes and pods."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(regex("/(1[6-9]|20)$", var.cidr)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must be the first address of a network and a length from /16 to /20, such as 10.64.0.0/16."
  }
}

variable "service_cidr" {
  description = "Addresses of Kubernetes Services, outside cidr."
  type        = string
  default     = "172.20.0.0/16"

  validation {
    condition     = can(regex("/(1[2-9]|2[0-4])$", var.service_cidr)) && try(cidrhost(var.service_cidr, 0) == split("/", var.service_cidr)[0], false)
    error_message = "service_cidr must be the first address of a network and a length from /12 to /24, such as 172.20.0.0/16."
  }
  validation {
    # Two networks overlap if their addresses are equal at the shorter of the two lengths.
    condition = try(length(distinct([for each in [var.cidr, var.service_cidr] : cidrhost(format("%s/%s", split("/", each)[0],
    min([for other in [var.cidr, var.service_cidr] : tonumber(split("/", other)[1])]...)), 0)])) == 2, true)
    error_message = "service_cidr ${var.service_cidr} overlaps cidr ${var.cidr}; choose another range."
  }
}

variable "reserved_cidrs" {
  description = "Networks that this one must not overlap, such as those that are to be peered with it."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.reserved_cidrs : can(cidrhost(each, 0))])
    error_message = "reserved_cidrs must be networks such as 10.0.0.0/16."
  }
  validation {
    condition = alltrue([for reserved in var.reserved_cidrs : alltrue([for own in [var.cidr, var.service_cidr] :
      try(length(distinct([for each in [own, reserved] : cidrhost(format("%s/%s", split("/", each)[0],
    min([for other in [own, reserved] : tonumber(split("/", other)[1])]...)), 0)])) == 2, true)])])
    error_message = "reserved_cidrs overlap cidr ${var.cidr} or service_cidr ${var.service_cidr}; choose other ranges for these."
  }
}

variable "zones" {
  description = "Number of availability zones."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zones)
    error_message = "zones must be 2 or 3."
  }
}

variable "nat_per_zone" {
  description = "Whether each zone has a NAT gateway of its own, where gateways belong to zones."
  type        = bool
  default     = false

  validation {
    condition     = !var.nat_per_zone
    error_message = "nat_per_zone must be false: the nodes share a subnet, and a subnet has one NAT gateway."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version, such as 1.33. Raise it by one minor version at a time."
  type        = string

  validation {
    condition     = can(regex("^1\\.[1-9][0-9]$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version such as 1.33. `az aks get-versions` shows those that AKS has."
  }
}

variable "api_allowed_cidrs" {
  description = "Addresses that reach the Kubernetes API from outside the network. None: it has no public address, and you apply from inside."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.api_allowed_cidrs : can(cidrhost(each, 0)) && !endswith(each, "/0")])
    error_message = "api_allowed_cidrs must be networks such as 198.51.100.7/32, and not the whole internet."
  }
}

variable "admins" {
  description = "Who administers the cluster besides the one who applies: ARNs of IAM users and roles (AWS), members such as group:ops@example.com (Google), object IDs of Entra ID (Azure)."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.admins : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", each))])
    error_message = "admins must be object IDs of users, groups or service principals of Entra ID. `az ad group show --query id` shows one."
  }
}

variable "system_pool" {
  description = "Nodes that always run, for Knative and the functions."
  type = object({
    instance_types = optional(list(string), ["Standard_D2s_v5"])
    nodes          = optional(number, 2)
    max_nodes      = optional(number, 4)
    disk_gb        = optional(number, 50)
  })
  default = {}

  validation {
    condition     = length(var.system_pool.instance_types) == 1 && var.system_pool.disk_gb >= 20
    error_message = "system_pool must have one instance type, and a disk of at least 20 GB."
  }
  validation {
    condition     = var.system_pool.nodes >= 1 && var.system_pool.nodes <= var.system_pool.max_nodes
    error_message = "system_pool must have at least 1 of nodes, and max_nodes of at least that number."
  }
}

variable "training_pools" {
  description = "Pools for trials, by name. Each has no node until a trial waits for one."
  type = map(object({
    instance_types = list(string)
    max_nodes      = number
    spot           = optional(bool, false)
    gpu            = optional(bool, false)
    disk_gb        = optional(number, 100)
  }))
  default = {
    cpu = { instance_types = ["Standard_F8s_v2"], max_nodes = 10, spot = true }
  }

  validation {
    condition     = alltrue([for pool, _ in var.training_pools : can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", pool)) && pool != "system"])
    error_message = "training_pools must have names of at most 40 of a-z, 0-9 and -, which begin with a letter, end without a hyphen, and are not system."
  }
  validation {
    condition     = alltrue([for each in var.training_pools : length(each.instance_types) == 1 && each.max_nodes >= 1 && each.disk_gb >= 20])
    error_message = "each of training_pools must have one instance type, max_nodes of at least 1, and a disk of at least 20 GB."
  }
  validation {
    condition     = alltrue([for pool, _ in var.training_pools : length(replace(pool, "-", "")) <= 12])
    error_message = "training_pools must have names of at most 12 letters and digits on Azure."
  }
  validation {
    # Each node has a /24 of the half of cidr that is for pods.
    condition     = sum(concat([var.system_pool.max_nodes], [for each in var.training_pools : each.max_nodes])) < pow(2, 23 - tonumber(split("/", var.cidr)[1]))
    error_message = "training_pools and system_pool have together more nodes than cidr has room for: 127 for a /16, half of that for each further bit."
  }
}

variable "bucket" {
  description = "Name of the bucket to create; on Azure, of the storage account. Such names are global."
  type        = string
}

variable "prefix" {
  description = "Prefix of the store's keys in the bucket."
  type        = string
  default     = "experiments"
}

variable "encryption_key" {
  description = "Key that encrypts the bucket: ARN of a KMS key (AWS), ID of a key of Cloud KMS (Google), or resource ID of a key of Key Vault (Azure). Without it the cloud has one of its own."
  type        = string
  default     = null
}

variable "keep_deleted_days" {
  description = "Days for which deleted and replaced objects can be restored."
  type        = number
  default     = 0
}

variable "destroy_data" {
  description = "Whether terraform destroy deletes a bucket that has objects, with all experiments."
  type        = bool
  default     = false
}

variable "overlay" {
  description = "knative or plain."
  type        = string
  default     = "knative"
}

variable "tenants" {
  description = "Namespaces of experiments. The trials of each get an identity of their own."
  type        = set(string)
  default     = ["default"]
}

variable "tenant_buckets" {
  description = "Buckets of tenants that do not share the other one, by tenant; on Azure, containers in the storage account. They are created, too."
  type        = map(string)
  default     = {}
}
