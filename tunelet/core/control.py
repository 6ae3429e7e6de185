"""What happens to a whole experiment: it pauses, continues, grows, ends, or is deleted. Pure.

An experiment that ended continues in a new epoch, which a live marker announces first.
"""

from tunelet.core import commands, ends, events
from tunelet.core.events import Event
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.imports import extended_by
from tunelet.errors import Conflict, Retry
from tunelet.text.messages import counted

_End = commands.Stop | commands.Abort | commands.Conclude
Command = (
    _End
    | commands.Pause
    | commands.Resume
    | commands.Extend
    | commands.Join
    | commands.Leave
    | commands.Delete
    | commands.Expire
)
Events = tuple[Event, ...]

_ASIDE = frozenset({"labels", "ttl_seconds_after_finished"})
"""Changes of only these do not make an ended experiment continue."""


def decide(experiment: Experiment, command: Command, now: float) -> Events:
    """Return the events that follow from `command`; none if it would change nothing.

    Raises `Conflict` if the state does not allow the command, and `Retry` if it was announced for
    another epoch.
    """
    match command:
        case commands.Stop() | commands.Abort() | commands.Conclude():
            asked = _asked(experiment, command)
            return () if experiment.over else ends.ended(experiment, asked, now)
        case commands.Pause():
            return _pause(experiment, command, now)
        case commands.Resume():
            return _resume(experiment, command, now)
        case commands.Extend():
            return _extend(experiment, command, now)
        case commands.Join(member=member, slots=slots):
            return _join(experiment, member, slots)
        case commands.Leave(member=member):
            return _leave(experiment, member)
        case commands.Delete(epoch=epoch, actor=actor):
            at = ends.later(now, experiment.running_since)
            return _in_next_epoch(experiment, epoch, events.Deleted(at=at, actor=actor))
        case commands.Expire(epoch=epoch):
            due = experiment.due if experiment.epoch == epoch else None
            return () if due is None or due > now * 1000 else (events.Deleted(at=now),)


def _asked(experiment: Experiment, command: _End) -> ends.End:
    """Return the end that a command asks for."""
    match command:
        case commands.Stop():
            return ends.End(ExperimentState.STOPPED, "stopped", actor=command.actor)
        case commands.Abort(reason=reason):
            return ends.End(ExperimentState.FAILED, reason)
        case commands.Conclude(reason=reason):
            return ends.concluded(experiment, reason)


def _pause(experiment: Experiment, command: commands.Pause, now: float) -> Events:
    if experiment.over:
        raise Conflict(f"experiment {experiment.name!r} has ended ({experiment.reason})")
    if experiment.state is ExperimentState.PAUSED:
        return ()
    at = ends.later(now, experiment.running_since)
    return (events.Paused(at=at, actor=command.actor),)


def _resume(experiment: Experiment, command: commands.Resume, now: float) -> Events:
    """Continue a paused or stopped experiment; one that ended otherwise must be extended."""
    if experiment.state is ExperimentState.RUNNING:
        return ()
    resumed: Events = (events.Resumed(at=now, actor=command.actor),)
    after = evolve_all(experiment, resumed)
    if experiment.over and after is not None and (due := ends.due(after, now)) is not None:
        why = f"{due.reason}; extend its budget instead"
        raise Conflict(f"experiment {experiment.name!r} cannot be resumed: {why}")
    return _in_next_epoch(experiment, command.epoch, *resumed) if experiment.over else resumed


def _extend(experiment: Experiment, command: commands.Extend, now: float) -> Events:
    changed = {k: v for k, v in command.changes.items() if experiment.spec.get(k) != v}
    limit = changed.get("max_trials")
    if limit is not None and limit < experiment.next_number:
        there = counted(experiment.next_number, "trial")
        raise Conflict(f"max_trials cannot be {limit}: the experiment has {there} already")
    if not changed:
        return ()
    extended: Events = (extended_by(changed, command.actor, now),)
    if (
        not experiment.over
        or experiment.state is ExperimentState.STOPPED
        or changed.keys() <= _ASIDE
    ):
        return extended
    resumed = (*extended, events.Resumed(at=now, actor=command.actor))
    after = evolve_all(experiment, resumed)
    goes_on = after is not None and ends.due(after, now) is None
    return _in_next_epoch(experiment, command.epoch, *resumed) if goes_on else extended


def _join(experiment: Experiment, member: str, slots: int) -> Events:
    members = experiment.shared
    if experiment.over or members.slots.get(member) == slots:
        return ()
    return (events.MemberJoined(member=member, slots=slots, others=members.others),)


def _leave(experiment: Experiment, member: str) -> Events:
    gone = member not in experiment.shared or experiment.over
    return () if gone else (events.MemberLeft(member=member),)


def _in_next_epoch(experiment: Experiment, announced: int | None, *what: Event) -> Events:
    """Return the events `what`, which begin a new epoch of the experiment.

    A sweep looks only at epochs that a live marker announces. `announced` is the epoch after which
    the caller has announced one; None: it did not need to. Raises `Retry` if the experiment is in
    another epoch by now, so that no epoch begins without a marker.
    """
    if announced not in (None, experiment.epoch):
        raise Retry(f"experiment {experiment.name!r} was taken up again meanwhile; send it again")
    return what
