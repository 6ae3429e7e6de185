"""Decide: (state, command, now) -> events. Pure. Raises if the state does not allow the command.

The consequences of a command are in the same log entry: the experiment's end if it is due
(`tunelet.core.ends` has the order), else slots for the trials that wait.
"""

from typing import Any, TypeVar

from tunelet.core import attempts, commands, control, ends, events, imports, intervention, study
from tunelet.core.clock import set_back
from tunelet.core.commands import Command
from tunelet.core.events import Event
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.fingerprint import of_enqueue, of_submit
from tunelet.core.installation import ANY, Installation
from tunelet.core.trial import Trial
from tunelet.errors import EXTEND_FIRST, NO_EXPERIMENT, Conflict, NotFound
from tunelet.text.messages import counted

T = TypeVar("T")
Events = tuple[Event, ...]


def decide(
    experiment: Experiment | None, command: Command, now: float, by: Installation = ANY
) -> Events:
    """Return the events that follow from `command`; none if it would change nothing.

    Slots that become free go to `by`, the installation that sends the command.
    Raises `NotFound` if the experiment or trial does not exist, `Conflict` if the present state
    does not allow the command, and `Retry` if the command was prepared for another state.
    """
    direct = _direct(experiment, command, now, by)
    after = evolve_all(experiment, direct)
    return direct if after is None else direct + _consequences(after, now, by)


def _direct(
    experiment: Experiment | None, command: Command, now: float, by: Installation
) -> Events:
    if isinstance(command, commands.Submit):
        return _submit(experiment, command, now, by)
    if experiment is None or experiment.state is ExperimentState.DELETED:
        raise NotFound(NO_EXPERIMENT)
    return _of_existing(experiment, command, now, by)


def _of_existing(experiment: Experiment, command: Command, now: float, by: Installation) -> Events:
    if isinstance(command, attempts.Command):
        return attempts.decide(experiment, command, now)
    if isinstance(command, study.Command):
        return study.decide(experiment, command, now)
    if isinstance(command, intervention.Command):
        return intervention.decide(experiment, command, now)
    if isinstance(command, control.Command):
        return control.decide(experiment, command, now)
    match command:
        case commands.AddTrials():
            return _add(experiment, command, now, by)
        case commands.Enqueue():
            return _enqueue(experiment, command, now)
        case commands.Import():
            return imports.decide(experiment, command, now)
        case commands.Ask():
            return _ask(experiment, command, now)
        case commands.Tick():
            return () if experiment.over else set_back(experiment, now)
    raise TypeError(f"not a command: {command!r}")


def _submit(
    experiment: Experiment | None, command: commands.Submit, now: float, by: Installation
) -> Events:
    submitted = events.Submitted(
        uid=command.uid,
        spec=command.spec,
        at=now,
        key=command.key,
        by=by.id,
        actor=command.actor,
    )
    if experiment is None or experiment.state is ExperimentState.DELETED:
        return (submitted, *_founded(command.spec, now, by))
    if not experiment.answered(command.key, of_submit(command.spec)):
        raise Conflict(
            f"an experiment named {experiment.name!r} exists in namespace "
            f"{experiment.namespace!r}; choose another name or delete it first"
        )
    return ()


def _founded(spec: dict[str, Any], now: float, by: Installation) -> Events:
    """Return the first member and the first trials of a new experiment, if it has any."""
    slots = spec["parallel_trials"] if by.places is None else by.places
    member = (events.MemberJoined(member=by.id, slots=slots),) if by.joins else ()
    if not spec["enqueue"]:
        return member
    given = tuple(spec["enqueue"])
    return (*member, events.TrialsCreated(first=0, assignments=given, at=now, enqueued=True))


def _add(
    experiment: Experiment, command: commands.AddTrials, now: float, by: Installation
) -> Events:
    workers = experiment.for_workers
    reserved = not workers and not command.ahead
    if reserved:
        room = by.room(experiment)
    else:
        room = experiment.room if workers else experiment.room_ahead
    if command.first != experiment.next_number or room == 0:
        return ()
    if command.asked not in (None, experiment.spec.get("hpo_algorithm")):
        return ()
    chosen = command.assignments[:room]
    exhausted = command.exhausted and len(chosen) == len(command.assignments)
    if not chosen and not exhausted:
        return ()
    return (
        events.TrialsCreated(
            first=command.first,
            assignments=chosen,
            at=now,
            reserved=reserved,
            exhausted=exhausted,
            memory=command.memory,
            notes=_of(command.notes, command.first, len(chosen)),
            parents=_of(command.parents, command.first, len(chosen)),
            by=by.id if chosen and reserved else "",
        ),
    )


def _of(by_number: dict[int, T], first: int, count: int) -> dict[int, T]:
    return {n: each for n, each in by_number.items() if first <= n < first + count}


def _enqueue(experiment: Experiment, command: commands.Enqueue, now: float) -> Events:
    if experiment.answered(command.key, of_enqueue(command.assignments, command.user_note)):
        return ()
    if experiment.over:
        raise Conflict(
            f"experiment {experiment.name!r} has ended ({experiment.reason}); {EXTEND_FIRST}"
        )
    left = experiment.terms.max_trials - experiment.next_number
    if len(command.assignments) > left:
        more, most = counted(len(command.assignments), "trial"), experiment.terms.max_trials
        raise Conflict(
            f"no room for {more}: max_trials {most} leaves {left}; raise max_trials first"
        )
    return (
        events.TrialsCreated(
            first=experiment.next_number,
            assignments=command.assignments,
            at=now,
            enqueued=True,
            key=command.key,
            user_note=command.user_note,
            actor=command.actor,
        ),
    )


def _ask(experiment: Experiment, command: commands.Ask, now: float) -> Events:
    taker, actor = command.by, command.actor
    if not experiment.for_workers:
        raise Conflict(
            f"the trials of experiment {experiment.name!r} are launched for it; submit one with "
            'model_training_code {"workers": true} for workers'
        )
    if experiment.study is not None:
        raise Conflict(
            f"experiment {experiment.name!r} is a study of {experiment.typed_spec.algorithm.name}, "
            "which makes its trials; load the study there"
        )
    if any(trial.by == taker for trial in experiment.trials.values()):
        return ()
    free = experiment.terms.parallel_trials - experiment.active
    return tuple(
        event
        for trial in untaken(experiment)[: max(0, min(command.count, free))]
        for event in (
            events.AttemptReserved(number=trial.number, attempt=trial.attempt, by=taker),
            events.AttemptStarted(number=trial.number, attempt=trial.attempt, at=now, actor=actor),
        )
    )


def untaken(experiment: Experiment) -> list[Trial]:
    """Return the trials that wait for a slot and may begin, by number.

    None unless the experiment is RUNNING, and no new ones if all trials have failed alike so far.
    """
    if experiment.state is not ExperimentState.RUNNING:
        return []
    waiting = [trial for trial in experiment.live if not trial.active]
    return [trial for trial in waiting if trial.begun or not experiment.hopeless]


def _consequences(experiment: Experiment, now: float, by: Installation) -> Events:
    if experiment.over:
        return ()
    due = ends.due(experiment, now)
    if due is not None:
        return ends.ended(experiment, due, now)
    return _reserve(experiment, by) if experiment.state is ExperimentState.RUNNING else ()


def _reserve(experiment: Experiment, by: Installation) -> Events:
    """Reserve slots for waiting trials, lowest number first."""
    if experiment.study is not None:
        return ()
    waiting = untaken(experiment)
    if not waiting:
        return ()
    return tuple(
        events.AttemptReserved(number=trial.number, attempt=trial.attempt, by=by.id)
        for trial in waiting[: max(0, by.slots(experiment))]
    )
