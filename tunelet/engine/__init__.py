"""The steps that move an experiment on: suggest, launch, collect, stop, sweep."""
