"""Signals: hints that an experiment needs attention. They carry no truth."""

from typing import NamedTuple


class Signal(NamedTuple):
    """An event that says "look at this experiment" and carries no truth.

    `topic` is one of SUGGEST, LAUNCH, COLLECT, FINISHED below.
    """

    topic: str
    namespace: str
    experiment: str
    number: int | None = None
    """Of the one trial that has news; None: it may be any."""


SUGGEST = "suggest"
"""There is room for trials."""

LAUNCH = "launch"
"""The runs do not match the state: some are to be started or stopped."""

COLLECT = "collect"
"""A run has news: reports or an end."""

FINISHED = "finished"
"""The experiment ended. Nothing in the service waits for it; users may."""
