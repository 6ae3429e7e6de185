mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
}

variables {
  region = "eu-central-1"
  bucket = "acme-tunelet"
  issuer = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
}

run "the_bucket_is_private_encrypted_and_kept" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.store["shared"].block_public_acls,
      aws_s3_bucket_public_access_block.store["shared"].block_public_policy,
      aws_s3_bucket_public_access_block.store["shared"].ignore_public_acls,
      aws_s3_bucket_public_access_block.store["shared"].restrict_public_buckets,
    ])
    error_message = "public access is not blocked"
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.store["shared"].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "the bucket is not encrypted"
  }
  assert {
    condition     = one(aws_s3_bucket_ownership_controls.store["shared"].rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs give rights"
  }
  assert {
    condition     = aws_s3_bucket.store["shared"].force_destroy == false
    error_message = "terraform destroy deletes the experiments"
  }
}

run "only_tls_reaches_the_bucket" {
  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.store["shared"].policy).Statement : statement.Sid => [statement.Effect, statement.Principal, statement.Action, statement.Resource, statement.Condition]
      } == {
      TlsOnly  = ["Deny", "*", "s3:*", ["arn:aws:s3:::acme-tunelet", "arn:aws:s3:::acme-tunelet/*"], { Bool = { "aws:SecureTransport" = "false" } }]
      NoOldTls = ["Deny", "*", "s3:*", ["arn:aws:s3:::acme-tunelet", "arn:aws:s3:::acme-tunelet/*"], { NumericLessThan = { "s3:TlsVersion" = "1.2" } }]
    }
    error_message = aws_s3_bucket_policy.store["shared"].policy
  }
}

run "what_is_unfinished_or_left_over_ends" {
  assert {
    condition     = one(flatten([for rule in aws_s3_bucket_lifecycle_configuration.store["shared"].rule : [for upload in rule.abort_incomplete_multipart_upload : upload.days_after_initiation]])) == 7
    error_message = "unfinished uploads stay"
  }
  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.store["shared"].rule : one(rule.filter).prefix if length([for expiry in rule.expiration : expiry if expiry.days == 1]) == 1] == ["experiments/probe/"]
    error_message = "objects other than probes expire, or probes stay"
  }
  assert {
    condition     = length(aws_s3_bucket_versioning.store) == 0
    error_message = "versions are kept without a request for them"
  }
}

run "deleted_objects_are_kept_for_a_time" {
  variables {
    keep_deleted_days = 14
  }
  assert {
    condition     = one(aws_s3_bucket_versioning.store["shared"].versioning_configuration).status == "Enabled"
    error_message = "no versions are kept"
  }
  assert {
    condition     = one(flatten([for rule in aws_s3_bucket_lifecycle_configuration.store["shared"].rule : [for old in rule.noncurrent_version_expiration : old.noncurrent_days]])) == 14
    error_message = "versions do not end after the time"
  }
}

run "the_outputs_are_what_the_overlay_takes" {
  assert {
    condition     = output.store_url == "s3://acme-tunelet/experiments" && output.environment == { AWS_REGION = "eu-central-1" }
    error_message = output.store_url
  }
  assert {
    condition     = output.trials_namespaces == { default = "tunelet-trials-default" } && output.launcher == "kubernetes://?prefix=tunelet-trials-"
    error_message = output.launcher
  }
}

run "a_provider_of_another_region_is_refused" {
  command = plan
  variables {
    region = "us-east-1"
  }
  expect_failures = [data.aws_region.current]
}
