"""Stopping rules: pure functions of the trials' reports."""
