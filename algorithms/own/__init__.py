"""The algorithms that need no library: random and grid search, and what they draw from."""
