"""Look at the runs in a local launcher's folder, and stop them, without being a launcher.

For commands in another terminal: they start and remove nothing. A process that works in the folder
stops runs as well, but there may be none, as after Ctrl-C.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.launchers.local.folder import RunFolder, chunks, run_path
from adapters.launchers.local.slots import Slots
from adapters.launchers.memory import MemoryLauncher
from tunelet.core.run import Run
from tunelet.errors import NotFound, Retry


class Onlooker(MemoryLauncher):
    """Knows the active runs and the outputs in `folder`; None: it knows nothing."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__()
        self._folder = folder

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        if self._folder is None:
            return ()
        try:
            runs = Slots(self._folder / "slots", limit=0).runs()
            mine = {run for run in runs if run[:2] == (namespace, experiment)}
            return sorted(run for run in mine if self._at(run).held())
        except OSError as fault:
            raise Retry(f"the active runs could not be listed: {fault}") from fault

    def origin(self, run: Run) -> str | None:
        try:
            return self._at(run).plan().store or None
        except FileNotFoundError:
            return None

    def stop(self, run: Run) -> None:
        try:
            self._at(run).stop()
        except OSError as fault:
            raise Retry(f"the run could not be stopped: {fault}") from fault

    def logs(self, run: Run) -> Iterator[bytes]:
        if self._folder is not None:
            try:
                output = self._at(run).output.open("rb")
            except FileNotFoundError:
                pass
            else:
                return chunks(output.read, output.close)
        raise NotFound(f"trial {run.number}, attempt {run.attempt} has no output")

    def _at(self, run: Run) -> RunFolder:
        assert self._folder is not None  # else no run is known
        return RunFolder(run_path(self._folder, run))
