"""Processes that serve more than one function."""
