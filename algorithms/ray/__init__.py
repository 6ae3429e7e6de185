"""The libraries that Ray Tune's searchers wrap, called without Ray, with trials from the log."""
