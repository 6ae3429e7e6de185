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
locals {
  # The key prefixes of docs/protocol.md. Any function commits to the log and compacts it, so the
  # functions differ only in dead letters.
  log_keys    = ["v1/*", "index/*", "live/*", "expires/*", "studies/*", "installations/*", "identity", "probe/*"]
  dead_keys   = ["dead/*"]
  object      = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
  log_rights  = [{ actions = local.object, keys = local.log_keys }]
  full_rights = [{ actions = local.object, keys = concat(local.log_keys, local.dead_keys) }]

  functions = {
    knative = {
      # It shows and replays dead letters.
      tunelet-api      = local.full_rights
      tunelet-suggest  = local.log_rights
      tunelet-launch   = local.log_rights
      tunelet-complete = local.log_rights
      tunelet-sweep    = local.log_rights
      # It keeps the newest dead letters, and its readiness check reads v1/ready.
      tunelet-deadletter = [
        { actions = ["s3:PutObject", "s3:DeleteObject"], keys = local.dead_keys },
        { actions = ["s3:GetObject"], keys = ["v1/ready"] },
      ]
    }
    plain = {
      tunelet = local.full_rights
    }
  }[var.overlay]

  # Trials write checkpoints. A policy cannot tell a checkpoint from the stored output beside it, because
  # its wildcards match slashes: within one tenant, trials trust each other.
  trials = { for tenant in var.tenants : tenant => [
    { actions = local.object, keys = ["v1/${tenant}/*/trials/*/*/*"] },
  ] }

  # Of each identity: its role, its ServiceAccount, and its rights on keys of the store.
  identities = merge(
    { for account, rights in local.functions : "${var.kubernetes_namespace}/${account}" => {
      role   = "${var.name}-${account}"
      rights = rights
    } },
    { for tenant, rights in local.trials : "${var.trials_prefix}${tenant}/default" => {
      role   = "${var.name}-trials-${tenant}"
      rights = rights
    } },
  )

  policies = { for account, identity in local.identities : account => jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for right in identity.rights : {
        Effect   = "Allow"
        Action   = right.actions
        Resource = [for key in right.keys : "${local.store_arn}/${key}"]
      }],
      [{
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.bucket_arn]
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
}
