"""Readers of what trainings write: growing files, event files, time stamps."""
