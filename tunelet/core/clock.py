"""A clock that was set back. Pure.

Times in a log are those of the clocks of the day. If one was a day ahead at the submit and has been
set right since, `max_seconds` would seem not to pass for a day, and running trials to cost nothing.
What began later than now then counts as begun now.
"""

from tunelet.core import events
from tunelet.core.experiment import Experiment

APART = 600.0
"""Seconds: clocks of two machines that are both right differ by less."""


def ahead(at: float | None, now: float) -> bool:
    """No clock that is right can have shown this time."""
    return at is not None and at > now + APART


def set_back(experiment: Experiment, now: float) -> tuple[events.Event, ...]:
    """The events by which what seems to begin in the future begins now.

    They are those of a pause without length, and of starts, so older versions can read them.
    """
    found: list[events.Event] = []
    since = experiment.running_since
    if since is not None and ahead(since, now):
        found += [events.Paused(at=since), events.Resumed(at=now)]
    for trial in experiment.live:
        if ahead(trial.started_at, now):
            found.append(events.AttemptStarted(trial.number, trial.attempt, at=now))
    return tuple(found)
