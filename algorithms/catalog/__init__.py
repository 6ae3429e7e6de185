"""Which algorithms and stopping rules exist, what each accepts, and how one is made."""
