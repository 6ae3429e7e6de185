"""What a person does to a single trial, and to the notes and labels of an experiment. Pure.

A stopped trial is STOPPED, as the trials that the end of an experiment cuts off: neither a result
nor a failure. It keeps its place in `max_trials`. A retry is another trial with the same
hyperparameters, for which `max_trials` rises by one in the same entry.
"""

from typing import Any

from tunelet.core import commands, ends, events
from tunelet.core.events import Event
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import NOTE_EXTRA, Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.fingerprint import of_retry
from tunelet.core.imports import extended_by
from tunelet.core.trial import Trial, TrialState
from tunelet.errors import Conflict, NotFound, Retry
from tunelet.text.limits import LABELS, MOST_TRIALS, NOTES_BYTES

Command = commands.StopTrial | commands.RetryTrial | commands.SetNote | commands.SetLabels
Events = tuple[Event, ...]

RETRIED = frozenset({TrialState.FAIL, TrialState.STOPPED})
"""The states of trials that can be retried: they brought no result."""


def decide(experiment: Experiment, command: Command, now: float) -> Events:
    """Return the events that follow from `command`; none if it would change nothing.

    Raises `NotFound` if the trial does not exist, `Conflict` if the state does not allow the
    command, and `Retry` if it was prepared for another state.
    """
    match command:
        case commands.StopTrial():
            return _stop(experiment, command, now)
        case commands.RetryTrial():
            return _retry(experiment, command, now)
        case commands.SetNote():
            return _note(experiment, command, now)
        case commands.SetLabels():
            return _labels(experiment, command, now)


def _existing(experiment: Experiment, n: int) -> Trial | None:
    """Return the trial; None if it ended before the present window of the log."""
    if not 0 <= n < experiment.next_number:
        raise NotFound(f"experiment {experiment.name!r} has no trial {n}")
    return experiment.trials.get(n)


def _stop(experiment: Experiment, command: commands.StopTrial, now: float) -> Events:
    trial = _existing(experiment, command.number)
    if trial is None or trial.state.finished:
        return ()
    if experiment.study is not None:
        raise Conflict(f"{_a_study(experiment)} end the trial there, with study.tell")
    return (ends.stopped(trial, ends.ON_REQUEST, now, actor=command.actor),)


def _retry(experiment: Experiment, command: commands.RetryTrial, now: float) -> Events:
    asked = of_retry(command.number, command.hyperparameters)
    if experiment.answered(command.key, asked):
        return ()
    _refuse_retry(experiment, command.number)
    more = experiment.terms.max_trials + 1
    extended = extended_by({"max_trials": more}, command.actor, now)
    created = events.TrialsCreated(
        first=experiment.next_number,
        assignments=(command.hyperparameters,),
        at=now,
        enqueued=True,
        key=command.key,
        retry_of=command.number,
        parents={} if command.parent is None else {experiment.next_number: command.parent},
        actor=command.actor,
    )
    if not experiment.over:
        return extended, created
    resumed = events.Resumed(at=now, actor=command.actor)
    after = evolve_all(experiment, (extended, resumed, created))
    if after is not None and (due := ends.due(after, now)) is not None:
        raise Conflict(
            f"experiment {experiment.name!r} cannot continue with a retry: {due.reason}; extend "
            "its budget first"
        )
    if command.epoch not in (None, experiment.epoch):
        raise Retry(f"experiment {experiment.name!r} was taken up again meanwhile; send it again")
    return extended, resumed, created


def _refuse_retry(experiment: Experiment, n: int) -> None:
    trial, name = _existing(experiment, n), experiment.name
    if experiment.study is not None:
        raise Conflict(f"{_a_study(experiment)} enqueue it there, with study.enqueue_trial")
    if experiment.typed_spec.define_by_run:
        raise Conflict(
            f"the trials of experiment {name!r} choose their hyperparameters while they run; raise "
            "max_trials for another one"
        )
    if trial is not None:
        refuse_state(trial)
    if experiment.state is ExperimentState.STOPPED:
        raise Conflict(f"experiment {name!r} has been stopped; resume it first")
    if experiment.terms.max_trials >= MOST_TRIALS:
        raise Conflict(f"a retry does not fit: an experiment has at most {MOST_TRIALS} trials")


def refuse_state(trial: Trial) -> None:
    """Raise `Conflict` unless the trial can be retried."""
    if trial.state in RETRIED:
        return
    if not trial.state.finished:
        raise Conflict(f"trial {trial.number} has not ended; stop it first, or wait for its end")
    raise Conflict(
        f"trial {trial.number} is {trial.state}; only trials in FAIL and STOPPED are retried: "
        "propose its hyperparameters to run them once more"
    )


def _a_study(experiment: Experiment) -> str:
    return f"experiment {experiment.name!r} is a study, whose callers make and end its trials:"


def _note(experiment: Experiment, command: commands.SetNote, now: float) -> Events:
    n, note = command.number, command.note
    if n is not None:
        _existing(experiment, n)
    if note == (experiment.note or "" if n is None else experiment.notes_on_trials.get(n)):
        return ()
    if n is not None:
        _refuse_excess(experiment, n, note)
    return (events.NoteSet(note=note, number=n, at=now, actor=command.actor),)


def _refuse_excess(experiment: Experiment, n: int, note: str) -> None:
    """Raise `Conflict` if the notes on trials would take too much room with this one.

    An empty one takes room as well: it hides the note that the trial was created with.
    """
    if not note and n in experiment.notes_on_trials:
        return
    if experiment.notes_bytes(n) + len(note.encode()) + NOTE_EXTRA > NOTES_BYTES:
        raise Conflict(
            f"the notes on the trials of {experiment.name!r} would take more than {NOTES_BYTES} "
            "bytes; shorten or remove some"
        )


def _labels(experiment: Experiment, command: commands.SetLabels, now: float) -> Events:
    before: dict[str, Any] = experiment.spec.get("labels", {})
    labels = {**before, **command.labels}
    for name in command.removed:
        labels.pop(name, None)
    if labels == before:
        return ()
    if len(labels) > LABELS:
        raise Conflict(
            f"experiment {experiment.name!r} would have {len(labels)} labels, and {LABELS} are "
            "allowed; remove some"
        )
    return (extended_by({"labels": labels}, command.actor, now),)
