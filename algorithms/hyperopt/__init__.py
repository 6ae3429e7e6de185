"""Hyperopt's algorithms, on trials that are rebuilt from the log at each call."""
