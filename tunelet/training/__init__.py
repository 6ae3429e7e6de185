"""The inputs of a training (arguments, environment) and its outputs (reports, outcome)."""
