"""Runs as objects in a Kubernetes cluster: what to create, and what their state says."""
