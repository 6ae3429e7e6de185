"""Experiments and what is decided about them: pure, without input or output."""
