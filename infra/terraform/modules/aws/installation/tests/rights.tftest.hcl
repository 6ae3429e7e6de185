mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
}

variables {
  region  = "eu-central-1"
  bucket  = "acme-tunelet"
  issuer  = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
  tenants = ["default", "team-a"]
}

run "each_function_and_each_tenant_has_a_role_of_its_own" {
  assert {
    condition = toset(keys(output.service_accounts)) == toset([
      "tunelet/tunelet-api", "tunelet/tunelet-suggest", "tunelet/tunelet-launch", "tunelet/tunelet-complete",
      "tunelet/tunelet-sweep", "tunelet/tunelet-deadletter",
      "tunelet-trials-default/default", "tunelet-trials-team-a/default",
    ])
    error_message = jsonencode(keys(output.service_accounts))
  }
  assert {
    condition     = length(distinct([for role in aws_iam_role.account : role.name])) == 8
    error_message = "two accounts share a role"
  }
  assert {
    condition = alltrue([for account, given in output.service_accounts :
    given.annotations["eks.amazonaws.com/role-arn"] == aws_iam_role.account[account].arn])
    error_message = "an annotation names another account's role"
  }
}

run "only_the_account_itself_takes_its_role" {
  assert {
    condition = alltrue([for account, role in aws_iam_role.account :
      jsondecode(role.assume_role_policy).Statement == [{
        Effect    = "Allow"
        Principal = { Federated = var.issuer }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = { StringEquals = {
          "oidc.eks.eu-central-1.amazonaws.com/id/ABC:aud" = "sts.amazonaws.com"
          "oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub" = join(":", ["system:serviceaccount", split("/", account)[0], split("/", account)[1]])
        } }
    }]])
    error_message = aws_iam_role.account["tunelet/tunelet-api"].assume_role_policy
  }
}

run "no_policy_has_a_wildcard_for_actions_or_reaches_beyond_the_prefix" {
  assert {
    condition = toset(flatten([for each in aws_iam_role_policy.store : jsondecode(each.policy).Statement[*].Action])) == toset([
    "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"])
    error_message = "the actions differ from those that adapters/storage calls"
  }
  assert {
    condition = alltrue(flatten([for each in aws_iam_role_policy.store : [for statement in jsondecode(each.policy).Statement :
      statement.Action == ["s3:ListBucket"]
      ? statement.Resource == ["arn:aws:s3:::acme-tunelet"] && alltrue([for key in statement.Condition.StringLike["s3:prefix"] : startswith(key, "experiments/")])
    : alltrue([for resource in statement.Resource : startswith(resource, "arn:aws:s3:::acme-tunelet/experiments/")])]]))
    error_message = "a policy reaches beyond the prefix"
  }
}

run "a_tenant_reaches_its_own_checkpoints_only" {
  assert {
    condition = jsondecode(aws_iam_role_policy.store["tunelet-trials-team-a/default"].policy).Statement == [
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = ["arn:aws:s3:::acme-tunelet/experiments/v1/team-a/*/trials/*/*/*"]
      },
      {
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = ["arn:aws:s3:::acme-tunelet"]
        Condition = { StringLike = { "s3:prefix" = ["experiments/v1/team-a/*/trials/*/*/*"] } }
      },
    ]
    error_message = aws_iam_role_policy.store["tunelet-trials-team-a/default"].policy
  }
}

run "deadletter_writes_dead_letters_only" {
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.store["tunelet/tunelet-deadletter"].policy).Statement : [statement.Action, statement.Resource]] == [
      [["s3:PutObject", "s3:DeleteObject"], ["arn:aws:s3:::acme-tunelet/experiments/dead/*"]],
      [["s3:GetObject"], ["arn:aws:s3:::acme-tunelet/experiments/v1/ready"]],
      [["s3:ListBucket"], ["arn:aws:s3:::acme-tunelet"]],
    ]
    error_message = aws_iam_role_policy.store["tunelet/tunelet-deadletter"].policy
  }
}

run "only_api_reads_dead_letters" {
  assert {
    condition = [for account, each in aws_iam_role_policy.store : account
    if contains(jsondecode(each.policy).Statement[0].Resource, "arn:aws:s3:::acme-tunelet/experiments/dead/*") && contains(jsondecode(each.policy).Statement[0].Action, "s3:GetObject")] == ["tunelet/tunelet-api"]
    error_message = "another function reads dead letters"
  }
}

run "the_plain_overlay_has_one_account" {
  variables {
    overlay = "plain"
    tenants = []
  }
  assert {
    condition     = keys(output.service_accounts) == ["tunelet/tunelet"]
    error_message = jsonencode(keys(output.service_accounts))
  }
  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.store["tunelet/tunelet"].policy).Statement[0].Resource, "arn:aws:s3:::acme-tunelet/experiments/dead/*")
    error_message = "one process does everything, so it also keeps dead letters"
  }
}

run "a_key_of_ones_own_is_used_through_s3_only" {
  variables {
    encryption_key = "arn:aws:kms:eu-central-1:111122223333:key/0a1b"
  }
  assert {
    condition = alltrue([for each in aws_iam_role_policy.store : reverse(jsondecode(each.policy).Statement)[0] == {
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = ["arn:aws:kms:eu-central-1:111122223333:key/0a1b"]
      Condition = { StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" } }
    }])
    error_message = aws_iam_role_policy.store["tunelet/tunelet-api"].policy
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.store["shared"].rule).apply_server_side_encryption_by_default).kms_master_key_id == var.encryption_key
    error_message = "the bucket uses another key"
  }
}

run "a_tenant_with_a_bucket_of_its_own_has_its_rights_there_only" {
  variables {
    tenant_buckets = { team-a = "acme-team-a" }
  }
  assert {
    condition     = output.stores == { team-a = { url = "s3://acme-team-a/experiments" } } && output.store_url == "s3://acme-tunelet/experiments"
    error_message = jsonencode(output.stores)
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.store["tunelet-trials-team-a/default"].policy).Statement == [
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = ["arn:aws:s3:::acme-team-a/experiments/v1/team-a/*/trials/*/*/*"]
      },
      {
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = ["arn:aws:s3:::acme-team-a"]
        Condition = { StringLike = { "s3:prefix" = ["experiments/v1/team-a/*/trials/*/*/*"] } }
      },
    ]
    error_message = aws_iam_role_policy.store["tunelet-trials-team-a/default"].policy
  }
  assert {
    condition     = alltrue([for account, each in aws_iam_role_policy.store : !strcontains(each.policy, "acme-team-a") if account != "tunelet-trials-team-a/default"])
    error_message = "another role has rights in the tenant's bucket"
  }
}

run "functions_have_the_same_rights_in_a_tenants_bucket_as_in_the_shared_one" {
  variables {
    tenant_buckets = { team-a = "acme-team-a" }
  }
  assert {
    condition = { for account, each in aws_iam_role_policy.store : account => toset([for statement in jsondecode(each.policy).Statement : jsonencode(statement)]) if startswith(account, "tunelet/") } == {
      for account, role in aws_iam_role.account : account => toset([for statement in jsondecode(aws_s3_bucket_policy.store["tenant/team-a"].policy).Statement :
        replace(jsonencode({ for name, value in statement : name => value if name != "Principal" }), "acme-team-a", "acme-tunelet")
      if statement.Effect == "Allow" && contains(try(statement.Principal.AWS, []), role.arn)]) if startswith(account, "tunelet/")
    }
    error_message = aws_s3_bucket_policy.store["tenant/team-a"].policy
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_s3_bucket_policy.store["tenant/team-a"].policy).Statement : statement.Principal.AWS if statement.Effect == "Allow"])) == toset([for account, role in aws_iam_role.account : role.arn if startswith(account, "tunelet/")])
    error_message = "others than the functions have rights in the tenant's bucket"
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.store["shared"].policy).Statement : statement.Effect == "Deny"])
    error_message = aws_s3_bucket_policy.store["shared"].policy
  }
}

run "a_tenants_bucket_is_protected_as_the_shared_one" {
  variables {
    tenant_buckets    = { team-a = "acme-team-a" }
    keep_deleted_days = 14
    encryption_key    = "arn:aws:kms:eu-central-1:111122223333:key/0a1b"
  }
  assert {
    condition = alltrue([for stores in [
      keys(aws_s3_bucket.store), keys(aws_s3_bucket_public_access_block.store), keys(aws_s3_bucket_ownership_controls.store),
      keys(aws_s3_bucket_server_side_encryption_configuration.store), keys(aws_s3_bucket_versioning.store),
      keys(aws_s3_bucket_lifecycle_configuration.store), keys(aws_s3_bucket_policy.store),
    ] : toset(stores) == toset(["shared", "tenant/team-a"])])
    error_message = "a setting is not made for the tenant's bucket"
  }
  assert {
    condition = length(distinct([for each in aws_s3_bucket_policy.store : replace(jsonencode([
    for statement in jsondecode(each.policy).Statement : statement if statement.Effect == "Deny"]), "acme-team-a", "acme-tunelet")])) == 1
    error_message = aws_s3_bucket_policy.store["tenant/team-a"].policy
  }
  assert {
    condition     = alltrue([for each in aws_s3_bucket.store : !each.force_destroy]) && alltrue([for each in aws_s3_bucket_server_side_encryption_configuration.store : one(one(each.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.encryption_key])
    error_message = "terraform destroy deletes the tenant's experiments, or they have another key"
  }
}
