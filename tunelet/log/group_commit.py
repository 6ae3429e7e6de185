"""Let several callers share one log entry.

The callers' commands are decided one caller after the other, each on the state that the ones
before it leave. A caller's commands are all recorded or none is, and its error reaches only it.
"""

from collections.abc import Sequence

from tunelet.core.commands import Command
from tunelet.core.decide import decide
from tunelet.core.events import Event
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.installation import ANY, Installation
from tunelet.errors import NotFound, TuneletError


class Caller:
    """A caller's commands, and their result once the entry is written."""

    def __init__(
        self, commands: Sequence[Command], uid: str | None, by: Installation = ANY
    ) -> None:
        self.commands = tuple(commands)
        self.uid = uid
        self.by = by
        self.happened = False
        """Whether the commands led to events when they were last decided."""
        self.after: Experiment | None = None
        self.error: Exception | None = None
        self.done = False


def decided(
    callers: Sequence[Caller], experiment: Experiment | None, now: float, fresh: bool = True
) -> tuple[list[Event], bool]:
    """Return the events of all callers in turn, and whether each caller's answer is final.

    If the state is not `fresh`, its age may cause an error or an empty result. Then the answer is
    not final, and the callers have to be decided again on the newest state.
    """
    happened: list[Event] = []
    for caller in callers:
        caller.error, caller.happened = None, False
        own: list[Event] = []
        state = experiment
        try:
            if caller.uid is not None and caller.uid != (state.uid if state else None):
                raise NotFound("the experiment was deleted; another has its name")
            for command in caller.commands:
                events = decide(state, command, now, caller.by)
                state = evolve_all(state, events)
                own += events
        except TuneletError as error:
            caller.error = error
        if not fresh and (caller.error or not own):
            return [], False
        if caller.error is None:
            caller.happened = bool(own)
            happened += own
            experiment = state
    return happened, True


def resolve(callers: list[Caller], after: Experiment | None) -> None:
    """Let the callers go, with the state after their entry."""
    for caller in callers:
        caller.after, caller.done = after, True
