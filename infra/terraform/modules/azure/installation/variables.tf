variable "name" {
  description = "Name of the installation; the names of identities begin with it."
  type        = string
  default     = "tunelet"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$", var.name))
    error_message = "name must have 1 to 16 of a-z, 0-9 and -, begin with a letter and end without a hyphen."
  }
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
  description = "Region of the bucket, such as eu-central-1 (AWS), europe-west3 (Google) or germanywestcentral (Azure)."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+[0-9]?$", var.region))
    error_message = "region must have the form of germanywestcentral: small letters without spaces."
  }
}

variable "bucket" {
  description = "Name of the bucket, which this module creates; on Azure, of the storage account. Such names are global."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.bucket))
    error_message = "bucket must have 3 to 24 of a-z and 0-9: it is the name of a storage account."
  }
}

variable "prefix" {
  description = "Prefix of the store's keys in the bucket."
  type        = string
  default     = "experiments"

  validation {
    # No * and no quotation mark, which a condition would read as a wildcard or the end of a text.
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.prefix)) && length(var.prefix) <= 100
    error_message = "prefix must be a path of letters, digits, _ and -, such as experiments or team/experiments, of at most 100 characters, without / at its ends."
  }
}

variable "encryption_key" {
  description = "Key that encrypts the bucket: ARN of a KMS key (AWS), ID of a key of Cloud KMS (Google), or resource ID of a key of Key Vault (Azure). Without it the cloud has one of its own."
  type        = string
  default     = null

  validation {
    condition     = var.encryption_key == null || can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.KeyVault/vaults/[^/]+/keys/[^/]+$", var.encryption_key))
    error_message = "encryption_key must be the resource ID of a key, /subscriptions/…/providers/Microsoft.KeyVault/vaults/NAME/keys/NAME, without a version."
  }
}

variable "keep_deleted_days" {
  description = "Days for which deleted and replaced objects can be restored. 0 switches versions off: the log replaces and deletes small objects all the time, and each would be kept and listed."
  type        = number
  default     = 0

  validation {
    condition     = var.keep_deleted_days >= 0 && var.keep_deleted_days <= 365 && floor(var.keep_deleted_days) == var.keep_deleted_days
    error_message = "keep_deleted_days must be a whole number from 0 to 365."
  }
}

variable "destroy_data" {
  description = "Whether terraform destroy deletes a bucket that has objects, with all experiments."
  type        = bool
  default     = false
}

variable "issuer" {
  description = "What issues the ServiceAccounts' tokens of the cluster: ARN of the IAM OIDC provider (AWS), workload identity pool (Google), or URL of the OIDC issuer (Azure)."
  type        = string

  validation {
    condition     = can(regex("^https://[^ ]+$", var.issuer))
    error_message = "issuer must be the URL of the cluster's OIDC issuer. `az aks show --query oidcIssuerProfile.issuerUrl` shows it."
  }
}

variable "overlay" {
  description = "Overlay that runs in the cluster: knative with an account for each function, or plain with one account."
  type        = string
  default     = "knative"

  validation {
    condition     = contains(["knative", "plain"], var.overlay)
    error_message = "overlay must be knative or plain."
  }
}

variable "kubernetes_namespace" {
  description = "Kubernetes namespace of the functions."
  type        = string
  default     = "tunelet"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.kubernetes_namespace))
    error_message = "kubernetes_namespace must be a DNS label of at most 63 characters."
  }
}

variable "trials_prefix" {
  description = "What precedes a namespace of experiments in the name of the Kubernetes namespace of its trials, as in TUNELET_LAUNCHER."
  type        = string
  default     = "tunelet-trials-"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,21}$", var.trials_prefix))
    error_message = "trials_prefix must have at most 22 of a-z, 0-9 and -, and begin with a letter, because a namespace adds up to 40."
  }
}

variable "tenants" {
  description = "Namespaces of experiments. The trials of each get an identity of their own."
  type        = set(string)
  default     = ["default"]

  validation {
    # As tunelet/text/limits.py has it.
    condition     = alltrue([for tenant in var.tenants : can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", tenant))])
    error_message = "tenants must be names of namespaces: at most 40 of a-z, 0-9 and -, which begin with a letter and end without a hyphen."
  }
}

variable "tenant_buckets" {
  description = "Buckets of tenants that do not share the other one, by tenant; on Azure, containers in the storage account. They are created, too."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for each in values(var.tenant_buckets) : can(regex("^[a-z0-9](-?[a-z0-9])+$", each)) && length(each) >= 3 && length(each) <= 63])
    error_message = "tenant_buckets must have names of 3 to 63 of a-z, 0-9 and single hyphens inside: they are names of containers."
  }
  validation {
    condition     = length(setsubtract(keys(var.tenant_buckets), var.tenants)) == 0
    error_message = "tenant_buckets must be of tenants: add ${join(", ", setsubtract(keys(var.tenant_buckets), var.tenants))} to tenants."
  }
  validation {
    condition     = length(distinct(concat(["store"], values(var.tenant_buckets)))) == length(var.tenant_buckets) + 1
    error_message = "tenant_buckets must name another container (that of the others is store) for each tenant."
  }
}
