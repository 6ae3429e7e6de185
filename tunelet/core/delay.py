"""The delay of a trial after an attempt that could not begin. Pure.

The wait is in the log (`AttemptLost.delay`), so every process and every replay keeps it.
"""

from tunelet.core.trial import Trial

FIRST = 2.0
LONGEST = 120.0
"""Seconds. A container engine that is back is used within two minutes, and one that is down for a
night adds a few hundred entries to the experiment's log."""


def following(trial: Trial) -> float:
    """Return the seconds for which the trial waits now: twice as long as the last time."""
    return FIRST if trial.delay is None else min(2 * trial.delay, LONGEST)
