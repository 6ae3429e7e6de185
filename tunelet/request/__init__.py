"""What a user submits: from any JSON to the normalized spec that stands in the log."""
