# Who may do what on the store, in the words read, write, delete and list; each cloud's installation
# translates them. Nothing is made here. An identity may list below each of its keys.
terraform {
  required_version = ">= 1.9"
}

locals {
  # The key prefixes of docs/concepts/protocol.md. Any function commits to the log and compacts it, so the
  # functions differ only in dead letters.
  log_keys    = ["v1/*", "index/*", "live/*", "expires/*", "studies/*", "installations/*", "quotas/*", "identity", "probe/*"]
  dead_keys   = ["dead/*"]
  object      = ["read", "write", "delete"]
  log_rights  = [{ verbs = local.object, keys = local.log_keys }]
  full_rights = [{ verbs = local.object, keys = concat(local.log_keys, local.dead_keys) }]

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
        { verbs = ["write", "delete"], keys = local.dead_keys },
        { verbs = ["read"], keys = ["v1/ready"] },
      ]
    }
    plain = {
      tunelet = local.full_rights
    }
  }[var.overlay]

  # Trials write checkpoints. A policy cannot tell a checkpoint from the stored output beside it, because
  # its wildcards match slashes: within one tenant, trials trust each other.
  trials = { for tenant in var.tenants : tenant => [
    { verbs = local.object, keys = ["v1/${tenant}/*/trials/*/*/*"] },
  ] }
}
