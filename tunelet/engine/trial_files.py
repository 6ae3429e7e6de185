"""The output of a trial's attempts, and the files of its checkpoint."""

from collections.abc import Iterator

from tunelet.core.run import Run
from tunelet.engine.checkpoints import Checkpoints
from tunelet.engine.outputs import Outputs
from tunelet.engine.runs import run_of
from tunelet.errors import Conflict, NotFound, Retry
from tunelet.log.journal_cache import Journals
from tunelet.ports import Launcher


class TrialFiles:
    """Threads may share one. Every method may raise `Retry`, and `NotFound` for what does not
    exist."""

    def __init__(
        self, journals: Journals, launcher: Launcher, outputs: Outputs, checkpoints: Checkpoints
    ) -> None:
        self._journals = journals
        self._launcher = launcher
        self._outputs = outputs
        self._checkpoints = checkpoints

    def logs(
        self, namespace: str, name: str, number: int, attempt: int | None = None
    ) -> Iterator[bytes]:
        """The output of a trial's newest attempt, or of `attempt`.

        From the run as long as it has output, then what the store has of it.
        """
        trial = self._journals.trial(namespace, name, number)
        experiment = self._journals.read(namespace, name)
        run = run_of(experiment, number, attempt or trial.attempt)
        if experiment.for_workers:
            return self._sent_output(run)
        try:
            return self._output(run)
        except NotFound as missing:
            if attempt in (None, trial.attempt) and not self._journals.by.owns(trial):
                raise NotFound(
                    f"{missing} here: it printed nothing, or its output is still where it ran, at"
                    f" installation {trial.by}"
                ) from missing
            if attempt in (None, trial.attempt) and trial.reason:
                raise NotFound(f"{missing}: {trial.reason}") from missing
            raise

    def keep_output(self, run: Run, output: bytes) -> None:
        """Keep the output of an attempt, which its worker sends at the end. The first one counts.

        Raises `Conflict` if the trials are launched: then the launcher has the output.
        """
        experiment = self._journals.read(run.namespace, run.experiment)
        if not experiment.for_workers:
            raise Conflict(
                f"the trials of {run.experiment!r} are launched, which keeps their output"
            )
        self._outputs.keep(experiment, run, output)

    def artifacts(
        self, namespace: str, name: str, number: int, after: str = "", limit: int = 100
    ) -> tuple[list[str], str | None]:
        """A page of the names of files in a trial's checkpoint, and the `after` of the next one."""
        run, parent = self._of_trial(namespace, name, number)
        found = list(self._checkpoints.files(run, parent)(after, limit + 1))
        return found[:limit], found[limit - 1] if len(found) > limit else None

    def artifact(
        self, namespace: str, name: str, number: int, file: str, start: int, size: int
    ) -> bytes:
        """Up to `size` bytes of a file of a trial's checkpoint, from `start` on."""
        run, parent = self._of_trial(namespace, name, number)
        found = self._checkpoints.part(run, parent, file, start, size)
        if found is None:
            raise NotFound(f"trial {number} has no artifact {file!r}")
        return found

    def _sent_output(self, run: Run) -> Iterator[bytes]:
        found = self._outputs.read(run)
        if found is None:
            raise NotFound(f"trial {run.number} has no output here: its worker sends it at the end")
        return found

    def _output(self, run: Run) -> Iterator[bytes]:
        try:
            return self._launcher.logs(run)
        except (NotFound, Retry):
            stored = self._outputs.read(run)
            if stored is None:
                raise
            return stored

    def _of_trial(self, namespace: str, name: str, number: int) -> tuple[Run, int | None]:
        trial = self._journals.trial(namespace, name, number)
        return run_of(self._journals.read(namespace, name), number, trial.attempt), trial.parent
