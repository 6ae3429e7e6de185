"""Plots of an experiment, for notebooks and files, in the look of the service's page."""

from tunelet.client.plots.hyperparameters import importance, parallel, scatter, slices, two_of
from tunelet.client.plots.objectives import history, pareto
from tunelet.client.plots.over_time import curves, timeline, with_curves

__all__ = [
    "curves",
    "history",
    "importance",
    "parallel",
    "pareto",
    "scatter",
    "slices",
    "timeline",
    "two_of",
    "with_curves",
]
