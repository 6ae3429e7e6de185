"""Optuna's samplers, on a study that is rebuilt from the log at each call."""
