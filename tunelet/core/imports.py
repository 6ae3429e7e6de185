"""What an import does to an experiment: trials that were made elsewhere, with their values. Pure.

They are ended trials like others: the algorithm learns from them, and one of them may be the best.
If they are not to count, `max_trials` rises by their number in the same entry, and
`max_failed_trials` by the number of those that failed.
"""

import math
from typing import Any

from tunelet.core import commands, events
from tunelet.core.events import Event
from tunelet.core.experiment import Experiment
from tunelet.core.fingerprint import of_import
from tunelet.core.trial import Finished, TrialState, number
from tunelet.errors import EXTEND_FIRST, Conflict
from tunelet.text.limits import MOST_TRIALS
from tunelet.text.messages import counted

Events = tuple[Event, ...]


def decide(experiment: Experiment, command: commands.Import, now: float) -> Events:
    """Return the events that follow; none if the key's import is in the log already.

    Raises `Conflict` if the experiment takes no trials, or has no room for them.
    """
    asked = of_import(command.trials, command.counts)
    if experiment.answered(command.key, asked):
        return ()
    _refuse(experiment, command)
    first = experiment.next_number
    created = events.TrialsCreated(
        first=first,
        assignments=tuple(each.hyperparameters for each in command.trials),
        at=now,
        enqueued=True,
        key=command.key,
        imported=asked,
        actor=command.actor,
    )
    ends = [_end(experiment, first + n, each, now) for n, each in enumerate(command.trials)]
    extended = () if command.counts else (_extended(experiment, ends, command.actor, now),)
    return (*extended, created, *ends)


def extended_by(changes: dict[str, Any], actor: str, now: float) -> events.Extended:
    """Return the event of new values in the spec. Only with an actor it has a time."""
    return events.Extended(changes=changes, actor=actor, at=now if actor else None)


def _refuse(experiment: Experiment, command: commands.Import) -> None:
    name, most = experiment.name, experiment.terms.max_trials
    if experiment.over:
        raise Conflict(f"experiment {name!r} has ended ({experiment.reason}); {EXTEND_FIRST}")
    if experiment.study is not None:
        raise Conflict(f"experiment {name!r} is a study: add trials with Optuna's study.add_trials")
    count, left = len(command.trials), most - experiment.next_number
    if command.counts and count > left:
        raise Conflict(
            f"no room for {counted(count, 'trial')}: max_trials {most} leaves {left}; "
            "raise max_trials first, or import them without counting"
        )
    if not command.counts and most + count > MOST_TRIALS:
        more = counted(count, "trial")
        raise Conflict(f"no room for {more}: an experiment has at most {MOST_TRIALS}")


def _extended(
    experiment: Experiment, ends: list[events.TrialEnded], actor: str, now: float
) -> events.Extended:
    """Raise the budgets of trials and of failures by what is imported."""
    terms = experiment.terms
    changes = {"max_trials": terms.max_trials + len(ends)}
    failed = sum(end.state is TrialState.FAIL for end in ends)
    if failed and terms.max_failed_trials is not None:
        changes["max_failed_trials"] = terms.max_failed_trials + failed
    return extended_by(changes, actor, now)


def _end(experiment: Experiment, n: int, trial: Finished, now: float) -> events.TrialEnded:
    known = (trial.values.get(each.metric, "NaN") for each in experiment.terms.objectives)
    worthless = any(math.isnan(number(value)) for value in known)
    failed = trial.state is TrialState.COMPLETE and worthless
    return events.TrialEnded(
        number=n,
        attempt=1,
        state=TrialState.FAIL if failed else trial.state,
        at=now,
        values=trial.values,
        reason="imported without a value of each objective" if failed else trial.reason,
    )
