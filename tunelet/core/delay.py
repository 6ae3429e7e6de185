"""How long a trial waits after an attempt that could not begin. Pure.

The wait is in the log (`AttemptLost.delay`), so every process and every replay keeps it.
"""

from tunelet.core.trial import Trial

FIRST = 2.0
LONGEST = 120.0
"""Seconds: an engine that is back is used within two minutes, and one that is away for a night adds
some hundred entries to the log of an experiment."""


def following(trial: Trial) -> float:
    """Seconds for which the trial waits now: twice as long as the last time."""
    return FIRST if trial.delay is None else min(2 * trial.delay, LONGEST)
