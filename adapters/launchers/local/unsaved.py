"""The runs of a launcher folder with output that is not in the store yet.

    unsaved/{namespace}/{experiment}/{uid}.{number}.{attempt}

Each has an empty file, created before the run begins, so that no process has to read the folders of
all runs to find them. The file of a run that never began can be ignored.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tunelet.core.run import Life, Run


class Unsaved:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, run: Run) -> None:
        path = self._path(run)
        try:
            path.touch(0o600)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)

    def remove(self, run: Run) -> None:
        self._path(run).unlink(missing_ok=True)

    def runs(self, namespace: str, experiment: str) -> Iterator[Run]:
        """Yield the runs in the order of uid, trial and attempt, including active ones."""
        found = []
        with suppress(FileNotFoundError):
            for path in (self._folder / namespace / experiment).iterdir():
                uid, number, attempt = path.name.split(".")
                found.append(Run(namespace, experiment, uid, int(number), int(attempt)))
        return iter(sorted(found))

    def forget(self, life: Life) -> None:
        """Remove the files of one life of an experiment."""
        for run in self.runs(life.namespace, life.experiment):
            if run.uid == life.uid:
                self.remove(run)

    def _path(self, run: Run) -> Path:
        name = f"{run.uid}.{run.number}.{run.attempt}"
        return self._folder / run.namespace / run.experiment / name
