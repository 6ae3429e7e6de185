"""Runs that are calls of a Python function: in threads of this process, or in worker processes."""
