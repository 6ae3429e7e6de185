"""Text at the boundaries: what may be written, and how it is shown."""
