"""Optuna's storage over experiments: a study of Optuna is an experiment of Tunelet."""
