"""Functions that a broker calls: the handlers of events, and dead letters."""
