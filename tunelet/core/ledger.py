"""The ledger of a namespace: which trials run under its quota, and which experiments wait. Pure."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from tunelet.core.run import Run


class Place(msgspec.Struct, frozen=True, array_like=True):
    """An attempt that may run."""

    experiment: str
    uid: str
    number: int
    attempt: int


class Ledger(msgspec.Struct, frozen=True, omit_defaults=True):
    """The attempts that may run, and the experiments that wait for places, the next one first."""

    format: int = 1
    live: tuple[Place, ...] = ()
    waiting: tuple[str, ...] = ()

    def admitting(self, experiment: str, due: Sequence[Place], most: int) -> "Ledger":
        """Return the ledger in which as many of `due` may run as there are places for.

        One place is kept for each waiting experiment that has fewer places than this one, or has as
        many and has waited for longer. An experiment that gets too few places waits again, after
        the others.
        """
        new = [place for place in due if place not in self.live]
        taken = tuple(new[: self.room_of(experiment, most)])
        others = tuple(name for name in self.waiting if name != experiment)
        if len(taken) == len(new):
            waiting = others
        elif taken or experiment not in self.waiting:
            waiting = (*others, experiment)
        else:
            waiting = self.waiting
        return msgspec.structs.replace(self, live=self.live + taken, waiting=waiting)

    def ahead_of(self, experiment: str) -> list[str]:
        """Return the waiting experiments for each of which a place is kept from this one."""
        held = Counter(place.experiment for place in self.live)
        order = [*self.waiting, experiment]
        mine = held[experiment], order.index(experiment)
        return [name for at, name in enumerate(self.waiting) if (held[name], at) < mine]

    def in_turn(self) -> list[str]:
        """Return the waiting experiments in the order in which they get places."""
        held = Counter(place.experiment for place in self.live)
        return sorted(self.waiting, key=lambda name: held[name])

    def room(self, most: int) -> int:
        return max(0, most - len(self.live))

    def room_of(self, experiment: str, most: int) -> int:
        """Return how many places the experiment can get without those kept for others."""
        return max(0, self.room(most) - len(self.ahead_of(experiment)))


def place_of(run: Run) -> Place:
    return Place(run.experiment, run.uid, run.number, run.attempt)
