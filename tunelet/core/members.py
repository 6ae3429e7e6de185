"""The members of an experiment: installations that each bring slots of their own. Pure.

`parallel_trials` is the sum of all members' slots and those of all other installations. A member
that joins twice has its slots once. It leaves when its lease has expired.
"""

from collections.abc import Collection

import msgspec


class Members(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    others: int
    """The slots of all installations that are not members."""
    slots: dict[str, int] = {}
    """By the member's installation."""

    def __contains__(self, installation: str) -> bool:
        return installation in self.slots

    @property
    def parallel(self) -> int:
        return max(1, self.others + sum(self.slots.values()))

    def joined(self, installation: str, slots: int, others: int) -> "Members":
        return Members(others, self.slots | {installation: slots})

    def without(self, installation: str) -> "Members":
        return Members(
            self.others, {each: n for each, n in self.slots.items() if each != installation}
        )

    def extended(self, parallel: int) -> "Members":
        """`parallel_trials` was set: the members keep their slots."""
        return Members(max(0, parallel - sum(self.slots.values())), self.slots)

    def left(self, installation: str, owners: Collection[str]) -> int:
        """Return how many slots are left of those that this installation may take.

        `owners` has the owner of each slot that is taken.
        """
        if installation in self:
            own = sum(owner == installation for owner in owners)
            return max(0, self.slots[installation] - own)
        return max(0, self.others - sum(owner not in self for owner in owners))
