"""Signals: hints that an experiment needs a step. The log alone holds the truth."""

from typing import NamedTuple


class Signal(NamedTuple):
    """A hint to look at this experiment. Losing or repeating one does no harm.
    `topic` is one of SUGGEST, LAUNCH, COLLECT, FINISHED below.
    """

    topic: str
    namespace: str
    experiment: str
    number: int | None = None
    """The trial that has news, or that ended before its run; None: any trial may."""


SUGGEST = "suggest"
"""There is room for trials."""

LAUNCH = "launch"
"""The runs do not match the state: some have to be started or stopped."""

COLLECT = "collect"
"""A run has news: a start, reports or an end."""

ENDING = "ending"
"""A run is about to end: its collector has seen its training end."""

FINISHED = "finished"
"""The experiment ended. Only users subscribe to this topic."""
