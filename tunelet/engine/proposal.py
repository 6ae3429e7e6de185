"""The commands that one step proposes, and the state that they would leave."""

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.installation import Installation


class Proposal:
    """Commands of `by` on a state that this process knows, which may not be the newest.

    Each command is decided once here, when `after` is needed, and once at the commit.
    """

    def __init__(self, experiment: Experiment, now: float, by: Installation) -> None:
        self.experiment = experiment
        self.commands: list[Command] = []
        self._after: Experiment | None = experiment
        self._decided = 0
        self._now = now
        self._by = by

    def add(self, *proposed: Command) -> None:
        self.commands += proposed

    @property
    def after(self) -> Experiment:
        """The state after all commands. Raises what `decide` raises."""
        for command in self.commands[self._decided :]:
            self._after = evolve_all(self._after, decide(self._after, command, self._now, self._by))
            self._decided += 1
        assert self._after is not None
        return self._after

    @property
    def room(self) -> int:
        """How many trials an algorithm may add to the state after all commands."""
        return self._by.room(self.after)

    @property
    def reported(self) -> set[int]:
        """The numbers of the trials with new reports."""
        return {one.number for one in self.commands if isinstance(one, commands.Record)}

    @property
    def ends(self) -> bool:
        """Whether an attempt ends."""
        return any(isinstance(one, commands.Finish) for one in self.commands)
