"""Tunelet's own algorithms: random and grid search, ASHA, Hyperband, BOHB, PBT and PB2."""
