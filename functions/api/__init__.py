"""The API: one table of routes, by which requests are checked, served and described."""
