"""The trainings that this machine can run, and how many at a time."""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tunelet.core.run import COMMAND

_ASK_AGAIN_SECONDS = 60.0


def places(limit: int | None) -> int:
    """Return the number of slots: `limit`, or by default the processors, but at least four.

    So the default of `parallel_trials` fits.
    """
    return limit or max(4, os.cpu_count() or 1)


class Abilities:
    """Decides whether a `model_training_code` can run here: by an alias or in a container.

    A command without an image can if `commands` allows it and its program is there.
    """

    def __init__(
        self,
        aliases: Mapping[str, Sequence[str]],
        find: Callable[[], str | None] | None = None,
        commands: bool = False,
    ) -> None:
        self._commands = commands
        self._aliases = frozenset(aliases)
        self._find = find
        self._engine: str | None = None
        self._asked: float | None = None

    def __call__(self, code: Mapping[str, Any]) -> bool:
        image = code.get("image")
        if image == COMMAND:
            return self._commands and missing(code) is None
        return image in self._aliases or (image is not None and self._has_engine())

    def _has_engine(self) -> bool:
        """Whether an engine works. The answer is kept, because asking takes a moment."""
        now = time.monotonic()
        if self._engine is None and (self._asked is None or now - self._asked > _ASK_AGAIN_SECONDS):
            self._asked = now
            self._engine = (self._find or _find)()
        return self._engine is not None


def missing(code: Mapping[str, Any]) -> str | None:
    """Return which part of a command is not on this machine; None if nothing is missing.

    Parts with placeholders are known only when a trial starts.
    """
    workdir, program = code.get("workdir"), code["command"][0]
    if workdir and "${" not in workdir and not Path(workdir).is_dir():
        return f"make the folder {workdir!r}, or name another: it is not on the service's machine"
    found = shutil.which(os.path.join(workdir or "", program) if "/" in program else program)
    if found is None and "${" not in program + (workdir or ""):
        return f"name another program: {program!r} is not on the service's machine"
    return None


def _find() -> str | None:
    from adapters.launchers.local.container import find

    return find()[0]
