"""Where the trials keep their checkpoints, and how one begins with another's.

    v1/{namespace}/{experiment}/trials/{uid}/{number}/…           what a trial saves
    v1/{namespace}/{experiment}/trials/{uid}/{number}-{random}/…  the same, of one with a parent
    v1/{namespace}/{experiment}/trials/{uid}/{number}.place       the {number}-{random} that holds

Two processes may launch a trial at once, and one of them may come late: what it copies must not
undo what the trial has saved since. So whoever copies does it to a place of his own, and the
first who is done makes his the trial's.

The objects below a trial's prefix are the training code's own; nothing here looks into them.
"""

from secrets import token_hex

from tunelet.core.run import Run
from tunelet.errors import Retry
from tunelet.ports import Store


class Checkpoints:
    """The checkpoint prefixes in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def url(self, run: Run, parent: int | None = None) -> str:
        """Where the trial's training code keeps its checkpoint: the same URL for every attempt.

        It holds the experiment's uid, so that no trial resumes from a checkpoint of an earlier
        experiment of the same name. If the trial has a `parent`, the parent's checkpoint is copied
        there before the URL is first returned. Raises `Retry`, or what the store refuses.
        """
        prefix = _prefix(run) if parent is None else self._inherited(run, parent)
        return f"{self._store.url.rstrip('/')}/{prefix}"

    def _inherited(self, run: Run, parent: int) -> str:
        place = self._place(run)
        if place is None:
            own = f"{_prefix(run)}-{token_hex(4)}"
            elder = run._replace(number=parent)
            self._copy(self._place(elder) or _prefix(elder), own)
            self._store.create(_choice(run), own.encode())
            place = self._place(run)
            if place is None:
                raise Retry(f"the place of the checkpoint of {run.name} is not known")
            self._remove_others(run, place)
        return place

    def _place(self, run: Run) -> str | None:
        """Where a trial with a parent keeps its checkpoint; None if that is not decided."""
        chosen = self._store.get(_choice(run))
        return chosen.data.decode() if chosen is not None else None

    def _copy(self, source: str, target: str) -> None:
        for key in self._store.list(f"{source}/"):
            self._store.copy(key, target + key.removeprefix(source))

    def _remove_others(self, run: Run, place: str) -> None:
        """Copies that came too late, or whose makers died over them."""
        for key in self._store.list(f"{_prefix(run)}-"):
            if not key.startswith(f"{place}/"):
                self._store.delete(key)


def _prefix(run: Run) -> str:
    return f"v1/{run.namespace}/{run.experiment}/trials/{run.uid}/{run.number}"


def _choice(run: Run) -> str:
    return f"{_prefix(run)}.place"
