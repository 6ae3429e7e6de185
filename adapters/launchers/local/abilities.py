"""The trainings that this machine can run, and how many at a time."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_ASK_AGAIN_SECONDS = 60.0


def places(limit: int | None) -> int:
    """Return the number of slots: `limit`, or by default the processors, but at least four.

    So the default of `parallel_trials` fits.
    """
    return limit or max(4, os.cpu_count() or 1)


class Abilities:
    """Decides whether a `model_training_code` can run here: by an alias or in a container."""

    def __init__(
        self, aliases: Mapping[str, Sequence[str]], find: Callable[[], str | None] | None = None
    ) -> None:
        self._aliases = frozenset(aliases)
        self._find = find
        self._engine: str | None = None
        self._asked: float | None = None

    def __call__(self, code: Mapping[str, Any]) -> bool:
        image = code.get("image")
        return image in self._aliases or (image is not None and self._has_engine())

    def _has_engine(self) -> bool:
        """Whether an engine works. The answer is kept, because asking takes a moment."""
        now = time.monotonic()
        if self._engine is None and (self._asked is None or now - self._asked > _ASK_AGAIN_SECONDS):
            self._asked = now
            self._engine = (self._find or _find)()
        return self._engine is not None


def _find() -> str | None:
    from adapters.launchers.local.container import find

    return find()[0]
