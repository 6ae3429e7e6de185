"""CloudEvents and the broker inside a process."""
