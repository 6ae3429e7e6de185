# The rights on the store. Each action is one that a call in adapters/storage needs:
#
#   s3:GetObject     get_object, head_object (s3.py, obstore.py); the source of a copy
#   s3:PutObject     put_object; copy_object; create_multipart_upload, upload_part_copy and
#                    complete_multipart_upload, by which boto3 copies from 8 MiB on
#   s3:DeleteObject  delete_object
#   s3:ListBucket    list_objects_v2. Without it S3 answers 403 for an absent object. It compares
#                    s3:prefix with the key of such an object, so the condition serves that, too.
#
# s3:AbortMultipartUpload is not among them: the bucket's lifecycle removes unfinished uploads.
#
# The policies are jsonencode instead of aws_iam_policy_document, because a mock provider computes no
# document and the tests read the policies.
module "identities" {
  source               = "../../identities"
  overlay              = var.overlay
  kubernetes_namespace = var.kubernetes_namespace
  trials_prefix        = var.trials_prefix
  tenants              = var.tenants
  own                  = keys(var.tenant_buckets)
}

locals {
  actions = {
    read   = "s3:GetObject"
    write  = "s3:PutObject"
    delete = "s3:DeleteObject"
    list   = "s3:ListBucket"
  }

  policies = { for account, identity in module.identities.identities : account => jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for right in identity.rights : {
        Effect   = "Allow"
        Action   = [for verb in right.verbs : local.actions[verb]]
        Resource = [for key in right.keys : "${local.arns[identity.store]}/${var.prefix}/${key}"]
      }],
      [{
        Effect    = "Allow"
        Action    = [local.actions.list]
        Resource  = [local.arns[identity.store]]
        Condition = { StringLike = { "s3:prefix" = [for key in flatten(identity.rights[*].keys) : "${var.prefix}/${key}"] } }
      }],
      [for key in var.encryption_key[*] : {
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [key]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.${data.aws_partition.current.dns_suffix}" } }
      }],
    )
  }) }
  # Functions have the same rights in each tenant's own bucket, by its policy: a role's would grow with
  # each tenant, up to 10,240 characters. Those with equal rights share a statement.
  functions = { for account, identity in module.identities.identities : account => identity.rights if identity.tenant == "" }
  own_grants = { for tenant, _ in var.tenant_buckets : tenant => flatten([
    for rights in distinct([for each in local.functions : jsonencode(each)]) : concat(
      [for right in jsondecode(rights) : {
        Effect    = "Allow"
        Principal = { AWS = [for account, each in local.functions : aws_iam_role.account[account].arn if jsonencode(each) == rights] }
        Action    = [for verb in right.verbs : local.actions[verb]]
        Resource  = [for key in right.keys : "${local.arns["tenant/${tenant}"]}/${var.prefix}/${key}"]
      }],
      [{
        Effect    = "Allow"
        Principal = { AWS = [for account, each in local.functions : aws_iam_role.account[account].arn if jsonencode(each) == rights] }
        Action    = [local.actions.list]
        Resource  = [local.arns["tenant/${tenant}"]]
        Condition = { StringLike = { "s3:prefix" = [for key in flatten(jsondecode(rights)[*].keys) : "${var.prefix}/${key}"] } }
      }],
    )
  ]) }
}
