"""Where the trials keep their checkpoints, and how one begins with another's.

The objects below a trial's prefix are the training code's own; nothing here looks into them.
"""

from tunelet.ports import Run, Store


class Checkpoints:
    """The checkpoint prefixes in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def url(self, run: Run) -> str:
        """Stays the same for all attempts of a trial.

        By uid, so that no trial resumes from one of an earlier experiment of the same name.
        """
        return f"{self._store.url.rstrip('/')}/{_prefix(run)}"

    def copy(self, parent: Run, child: Run) -> None:
        """Let the child's first attempt begin with what the parent has saved.

        Done once: a child that has begun may have saved its own since. Raises `Retry`.
        """
        done = f"{_prefix(child)}.from"
        if self._store.get(done) is not None:
            return
        source, target = f"{_prefix(parent)}/", f"{_prefix(child)}/"
        for key in self._store.list(source):
            self._store.copy(key, target + key.removeprefix(source))
        self._store.create(done, str(parent.number).encode())


def _prefix(run: Run) -> str:
    return f"v1/{run.namespace}/{run.experiment}/trials/{run.uid}/{run.number}"
