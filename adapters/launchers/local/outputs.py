"""Read the output of runs in a local launcher's folder, without being a launcher.

For commands in another terminal: they start, stop and remove nothing, and write nothing.
"""

from collections.abc import Iterator
from pathlib import Path

from adapters.launchers.local.folder import RunFolder, chunks, run_path
from adapters.launchers.memory import MemoryLauncher
from tunelet.core.run import Run
from tunelet.errors import NotFound


class Outputs(MemoryLauncher):
    """Knows no run except the outputs in `folder`; None: no output either."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__()
        self._folder = folder

    def logs(self, run: Run) -> Iterator[bytes]:
        if self._folder is not None:
            try:
                output = RunFolder(run_path(self._folder, run)).output.open("rb")
            except FileNotFoundError:
                pass
            else:
                return chunks(output.read, output.close)
        raise NotFound(f"trial {run.number}, attempt {run.attempt} has no output")
