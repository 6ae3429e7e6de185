"""Processes that serve several functions."""
