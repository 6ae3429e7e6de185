"""The checkpoint prefix of each trial, and the copy of a parent's checkpoint.

    v1/{namespace}/{experiment}/trials/{uid}/{number}/…           what a trial saves
    v1/{namespace}/{experiment}/trials/{uid}/{number}-{random}/…  the same, of one with a parent
    v1/{namespace}/{experiment}/trials/{uid}/{number}.place       names the {number}-{random} in use

Two processes may launch a trial at once, and one of them may be late: its copy must not overwrite
what the trial has saved since. So each process copies to a place of its own, and the first one to
finish makes its place the trial's.

The objects below a trial's prefix belong to the training code; Tunelet does not read them.
"""

import re
from collections.abc import Callable, Iterator
from secrets import token_hex

from tunelet.core.run import Run
from tunelet.engine.retention import decided
from tunelet.errors import FieldError, Reject, Retry
from tunelet.log.keys import trial_prefix
from tunelet.log.tenant_stores import store_of
from tunelet.ports import Store


class Checkpoints:
    """The checkpoint prefixes in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def url(self, run: Run, parent: int | None = None) -> str:
        """Return the URL of the trial's checkpoint: the same one for every attempt.

        It contains the experiment's uid, so that no trial resumes from a checkpoint of an earlier
        experiment of the same name. If the trial has a `parent`, the parent's checkpoint is copied
        there before the URL is first returned. Raises `Retry`, and `Reject` as the store does.
        """
        prefix = trial_prefix(run) if parent is None else self._inherited(run, parent)
        return f"{store_of(self._store, run.namespace).url.rstrip('/')}/{prefix}"

    def files(self, run: Run, parent: int | None = None) -> Callable[[str, int], Iterator[str]]:
        """Return a listing of the names in the trial's checkpoint: those after a name, at most n.

        Copies nothing: the checkpoint of a trial with a `parent` that was never launched is empty.
        """
        folder = f"{self._present(run, parent)}/"

        def listed(after: str, limit: int) -> Iterator[str]:
            keys = self._store.list(folder, folder + after if after else "", limit)
            return (key.removeprefix(folder) for key in keys)

        return listed

    def part(self, run: Run, parent: int | None, name: str, start: int, size: int) -> bytes | None:
        """Return a part of the file `name` of the trial's checkpoint; None if there is none.

        Raises `Reject` for a name that is not a relative path of plain segments.
        """
        if any(segment in ("", ".", "..") for segment in name.split("/")):
            message, remedy = "is not the name of an artifact", "send one of those that are listed"
            raise Reject(f"{name!r} {message}", [FieldError("name", name, message, remedy)])
        return self._store.part(f"{self._present(run, parent)}/{name}", start, size)

    def _present(self, run: Run, parent: int | None) -> str:
        return trial_prefix(run) if parent is None else self._place(run) or trial_prefix(run)

    def _inherited(self, run: Run, parent: int) -> str:
        place = self._place(run)
        if place is None:
            own = f"{trial_prefix(run)}-{token_hex(4)}"
            elder = run._replace(number=parent)
            self._copy(self._place(elder) or trial_prefix(elder), own)
            if not decided(self._store, elder)[0].has(parent):
                self._remove(own)  # It may lack what was removed meanwhile.
            self._store.create(_choice(run), own.encode())
            place = self._place(run)
            if place is None:
                raise Retry(f"the place of the checkpoint of {run.name} is not known")
            self._remove_others(run, place)
        return place

    def _place(self, run: Run) -> str | None:
        """Return the place of a trial with a parent; None if it is not decided yet.

        Training code may write near its checkpoint. A place that is not the trial's own would give
        the trial's readers whatever the service can read. Raises `Reject` for it.
        """
        chosen = self._store.get(_choice(run))
        if chosen is None:
            return None
        place = chosen.data.decode(errors="replace")
        if not re.fullmatch(re.escape(trial_prefix(run)) + "-[0-9a-f]{8}", place):
            raise Reject(f"the place of the checkpoint of {run.name} is not one of this trial")
        return place

    def _copy(self, source: str, target: str) -> None:
        for key in self._store.list(f"{source}/"):
            self._store.copy(key, target + key.removeprefix(source))

    def _remove(self, prefix: str) -> None:
        for key in self._store.list(f"{prefix}/"):
            self._store.delete(key)

    def _remove_others(self, run: Run, place: str) -> None:
        """Remove copies that came too late, or that a process left unfinished when it died."""
        for key in self._store.list(f"{trial_prefix(run)}-"):
            if not key.startswith(f"{place}/"):
                self._store.delete(key)


def _choice(run: Run) -> str:
    return f"{trial_prefix(run)}.place"
