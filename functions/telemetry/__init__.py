"""Logs, metrics and spans of the functions."""
