"""Run trainings as objects in a Kubernetes cluster: create them, and interpret their state."""
