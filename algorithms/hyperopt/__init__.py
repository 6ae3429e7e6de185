"""Hyperopt's algorithms over trials that are rebuilt from the log."""
