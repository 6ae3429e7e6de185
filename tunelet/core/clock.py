"""Correct times in a log after a clock was set back. Pure.

Times in a log come from the clocks of the writers. If a clock was a day ahead at the submit and was
corrected later, `max_seconds` would not advance for a day, and running trials would cost nothing.
So whatever began later than now counts as begun now.
"""

from tunelet.core import events
from tunelet.core.experiment import Experiment

APART = 600.0
"""Seconds. The clocks of two machines that are both right differ by less."""


def ahead(at: float | None, now: float) -> bool:
    """Whether the time is so far in the future that no correct clock has shown it."""
    return at is not None and at > now + APART


def set_back(experiment: Experiment, now: float) -> tuple[events.Event, ...]:
    """Return events that move beginnings from the future to now.

    They are a pause of length zero, and starts, so that older versions can read them.
    """
    found: list[events.Event] = []
    since = experiment.running_since
    if since is not None and ahead(since, now):
        found += [events.Paused(at=since), events.Resumed(at=now)]
    for trial in experiment.live:
        if ahead(trial.started_at, now):
            found.append(events.AttemptStarted(trial.number, trial.attempt, at=now))
    return tuple(found)
