"""The steps that move an experiment on."""
