"""Readers of the files and logs that trainings write while they run."""
