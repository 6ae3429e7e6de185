"""Runs as processes and containers on this machine, which outlive the service."""
