"""The rules of experiments: pure functions over frozen data, without input or output."""
