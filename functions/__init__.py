"""The functions: HTTP and CloudEvents in, one call of the service, an answer out."""
