"""Stopping rules: pure functions of what the trials have reported."""
