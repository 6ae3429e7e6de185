# The rights on the store. Each permission is one that a call in adapters/storage needs:
#
#   storage.objects.get     download_as_bytes, get, head (gcs.py, obstore.py); the source of a copy
#   storage.objects.create  upload_from_string, put; rewrite, copy
#   storage.objects.delete  delete; with storage.objects.create it replaces an object
#   storage.objects.list    list_blobs, list
#
# A role for each set of them that an identity needs together, because predefined roles have more.
# A condition binds it to keys. It may have twelve operators, so rights on objects and lists are apart.
module "identities" {
  source               = "../../identities"
  overlay              = var.overlay
  kubernetes_namespace = var.kubernetes_namespace
  trials_prefix        = var.trials_prefix
  tenants              = var.tenants
  own                  = keys(var.tenant_buckets)
}

locals {
  permissions = {
    read   = "storage.objects.get"
    write  = "storage.objects.create"
    delete = "storage.objects.delete"
    list   = "storage.objects.list"
  }

  # Of each identity: the stores that it uses. Functions have the same rights in each.
  used = { for account, identity in module.identities.identities : account => identity.tenant == "" ? keys(local.stores) : [identity.store] }

  # Of each identity: its rights on objects, and one to list below their keys.
  granted = { for account, identity in module.identities.identities : account => concat(
    identity.rights, [{ verbs = ["list"], keys = flatten(identity.rights[*].keys) }]
  ) }
  grants = merge([for account, rights in local.granted : merge([for store in local.used[account] : { for right in rights :
    "${account} ${join(" ", right.verbs)}${store == "shared" ? "" : " ${store}"}" => { account = account, store = store, role = join("_", right.verbs), keys = right.keys }
  }]...)]...)

  objects = { for store, bucket in local.stores : store => "projects/_/buckets/${bucket}/objects/${var.prefix}" }
  listed  = "api.getAttribute('storage.googleapis.com/objectListPrefix', '')"

  # Of each grant: an expression for each of its keys, which may end in *. Of the keys of trials,
  # v1/TENANT/*/trials/*/*/*, extract takes what follows a text until the next one, or nothing.
  expressions = { for name, grant in local.grants : name => [for key in grant.keys :
    strcontains(key, "/trials/")
    ? (grant.role == "list"
      ? "${local.listed}.startsWith('${var.prefix}/${split("*", key)[0]}')"
      : "resource.name.startsWith('${local.objects[grant.store]}/${split("*", key)[0]}') && resource.name.extract('${local.objects[grant.store]}/${split("*", key)[0]}{key}').extract('/trials/{key}').extract('/{number}/') != ''"
    )
    : (grant.role == "list"
      ? "${local.listed}.startsWith('${var.prefix}/${trimsuffix(key, "*")}')"
      : endswith(key, "*")
      ? "resource.name.startsWith('${local.objects[grant.store]}/${trimsuffix(key, "*")}')"
      : "resource.name == '${local.objects[grant.store]}/${key}'"
    )
  ] }
}

resource "google_project_iam_custom_role" "store" {
  for_each    = toset([for grant in local.grants : grant.role])
  project     = var.account
  role_id     = "${replace(var.name, "-", "_")}_${each.key}"
  title       = "Tunelet ${var.name}: ${replace(each.key, "_", ", ")} objects"
  permissions = [for verb in split("_", each.key) : local.permissions[verb]]
}

resource "google_storage_bucket_iam_member" "store" {
  for_each = local.grants
  bucket   = google_storage_bucket.store[each.value.store].name
  role     = google_project_iam_custom_role.store[each.value.role].name
  member   = local.members[each.value.account]
  condition {
    title      = each.value.role
    expression = join(" || ", local.expressions[each.key])
  }
}
