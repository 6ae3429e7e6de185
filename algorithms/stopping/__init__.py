"""Stopping rules: which trials are not worth going on with, as pure functions of the curves."""
