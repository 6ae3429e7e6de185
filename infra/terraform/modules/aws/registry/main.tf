# One repository for the functions' image and one for the collector's. Tags are immutable, so a tag
# names the same bytes for ever; images without a tag end after two weeks.
resource "aws_ecr_repository" "image" {
  # checkov:skip=CKV_AWS_136: the images have no secret: AES256 with a key of AWS
  for_each             = toset(["tunelet", "tunelet-collector"])
  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  # `make image` writes the images again.
  force_delete = true

  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "image" {
  for_each   = aws_ecr_repository.image
  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "images without a tag"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}
