"""Optuna's samplers and pruners over a study that is rebuilt from the log."""
