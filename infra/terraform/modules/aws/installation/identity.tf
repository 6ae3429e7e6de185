# Each ServiceAccount takes a role with the token that Kubernetes projects into its pods (IRSA). There
# is no key to keep. The token's subject names the account, so no other one can take the role.
locals {
  issuer = split(":oidc-provider/", var.issuer)[1]
}

resource "aws_iam_role" "account" {
  for_each    = module.identities.identities
  name        = "${var.name}-${each.value.name}"
  description = "Tunelet: ServiceAccount ${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = var.issuer }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.issuer}:aud" = "sts.amazonaws.com"
        "${local.issuer}:sub" = "system:serviceaccount:${replace(each.key, "/", ":")}"
      } }
    }]
  })
}

resource "aws_iam_role_policy" "store" {
  for_each = local.policies
  name     = "store"
  role     = aws_iam_role.account[each.key].name
  policy   = each.value
}
