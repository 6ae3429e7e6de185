"""The libraries behind Ray Tune's searchers, asked without Ray, from the log."""
