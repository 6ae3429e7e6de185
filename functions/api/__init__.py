"""The HTTP API: one table of routes checks, serves and describes all requests."""
