output "private_subnets" {
  description = "Subnets of the nodes."
  # Nodes begin after the routes exist, or they cannot join the cluster.
  depends_on = [aws_route.nat, aws_route_table_association.private, aws_vpc_endpoint.s3]
  value      = [for subnet in aws_subnet.private : subnet.id]
}

output "public_subnets" {
  description = "Subnets of load balancers."
  value       = [for subnet in aws_subnet.public : subnet.id]
}
