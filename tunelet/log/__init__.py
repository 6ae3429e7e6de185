"""The experiment log: how it is written, read, folded, derived from, checked and removed."""
