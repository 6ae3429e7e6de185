"""Those whose commands are on their way into the log, and what becomes of each.

Several share an entry: they are decided on one after the other, each on the state that those
before him leave. The commands of one stand together or not at all; his error is his alone.
"""

from collections.abc import Sequence

from tunelet.commands import Command
from tunelet.decide import decide
from tunelet.errors import NotFound, TuneletError
from tunelet.events import Event
from tunelet.experiment import Experiment, evolve_all


class Caller:
    """Commands on their way into the log, and what became of them."""

    def __init__(self, commands: Sequence[Command], uid: str | None) -> None:
        self.commands = tuple(commands)
        self.uid = uid
        self.happened = False
        """Events follow from the commands in the state that was looked at last."""
        self.after: Experiment | None = None
        self.error: Exception | None = None
        self.done = False


def decided(
    callers: Sequence[Caller], experiment: Experiment | None, now: float, fresh: bool = True
) -> tuple[list[Event], bool]:
    """Events of all callers in turn. Not settled if one's answer needs a fresh state."""
    happened: list[Event] = []
    for caller in callers:
        caller.error, caller.happened = None, False
        own: list[Event] = []
        state = experiment
        try:
            if caller.uid is not None and caller.uid != (state.uid if state else None):
                raise NotFound("the experiment was deleted; another has its name")
            for command in caller.commands:
                events = decide(state, command, now)
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
    for caller in callers:
        caller.after, caller.done = after, True
