mock_provider "aws" {}

variables {
  name = "tunelet"
}

run "both_images_have_a_repository_with_immutable_tags" {
  assert {
    condition     = toset([for each in aws_ecr_repository.image : each.name]) == toset(["tunelet/tunelet", "tunelet/tunelet-collector"])
    error_message = jsonencode(aws_ecr_repository.image)
  }
  assert {
    condition     = alltrue([for each in aws_ecr_repository.image : each.image_tag_mutability == "IMMUTABLE" && one(each.image_scanning_configuration).scan_on_push])
    error_message = "a tag may name other bytes later, or images are not scanned"
  }
}

run "only_images_without_a_tag_end" {
  assert {
    condition     = alltrue([for each in aws_ecr_lifecycle_policy.image : [for rule in jsondecode(each.policy).rules : rule.selection.tagStatus] == ["untagged"]])
    error_message = "images in use end"
  }
}
