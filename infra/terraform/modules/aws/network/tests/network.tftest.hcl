mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }
}

variables {
  name         = "tunelet"
  region       = "eu-central-1"
  cidr         = "10.64.0.0/16"
  zones        = 3
  nat_per_zone = false
}

run "each_zone_has_a_private_and_a_public_subnet_that_do_not_overlap" {
  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == {
      eu-central-1a = "10.64.0.0/18", eu-central-1b = "10.64.64.0/18", eu-central-1c = "10.64.128.0/18"
    }
    error_message = jsonencode(aws_subnet.private)
  }
  assert {
    condition = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block } == {
      eu-central-1a = "10.64.192.0/22", eu-central-1b = "10.64.196.0/22", eu-central-1c = "10.64.200.0/22"
    }
    error_message = jsonencode(aws_subnet.public)
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch != true])
    error_message = "machines get public addresses"
  }
}

run "one_gateway_serves_all_private_subnets_and_s3_has_its_own" {
  assert {
    condition     = length(aws_nat_gateway.main) == 1 && alltrue([for route in aws_route.nat : route.nat_gateway_id == one(values(aws_nat_gateway.main)).id])
    error_message = "a private subnet has no way out, or another gateway costs money"
  }
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && toset(aws_vpc_endpoint.s3.route_table_ids) == toset([for table in aws_route_table.private : table.id])
    error_message = "the store's traffic passes the NAT gateway, which costs money"
  }
}

run "each_zone_may_have_a_gateway" {
  variables {
    nat_per_zone = true
  }
  assert {
    condition     = length(aws_nat_gateway.main) == 3 && alltrue([for zone, route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.main[zone].id])
    error_message = "a zone depends on another one"
  }
}

run "a_region_with_too_few_zones_is_refused" {
  command = plan
  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["eu-central-1a"] }
  }
  variables {
    zones = 2
  }
  expect_failures = [data.aws_availability_zones.available]
}
