"""`tunelet worker`: ask a service for trials, and run a command for each on this machine.

The process launcher runs the command as it does for `tunelet run`, in a folder of the worker's own.
The worker passes on what the launcher observes. It needs no store, and no port of its own.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from urllib.request import url2pathname

from adapters.launchers.local.launcher import ProcessLauncher
from functions.hosting.worker_guard import guarded
from functions.hosting.worker_trial import WorkerTrial
from tunelet.client.client import Client
from tunelet.client.running import Asked, RunningTrial
from tunelet.client.trial import Trial
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Run
from tunelet.core.spec import Spec
from tunelet.core.trial import Outcome
from tunelet.errors import Conflict, Forbidden, NotFound, Reject, Retry, TuneletError
from tunelet.training.placeholders import problems, resolve

AWAY_SECONDS = 600.0
"""For how long a worker without trials waits for a service that does not answer."""

_IMAGE = "worker"
_LOOK_SECONDS = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_STOP_SECONDS = 15.0
"""For how long a worker that is to end waits for its trainings."""


class Worker:
    """Runs trials of one experiment until there are no more, or until it is told to end.

    `show` gets each trial that it has ended, and a text for what went wrong.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        launcher: ProcessLauncher,
        spec: Spec,
        parallel: int,
        lease_seconds: float,
        folder: Path,
        show: Callable[[Trial | str], None],
    ) -> None:
        self._ending = False
        self._client, self._name = client, name
        self._launcher = launcher
        self._spec = spec
        self._parallel = parallel
        self._lease_seconds = lease_seconds
        self._folder = folder
        self._show = show
        self._uid = str(client.experiment(name).json["uid"])
        self._trials: list[WorkerTrial] = []
        self._reason: str | None = None
        self._warned = ""
        self._ask_at, self._pause = 0.0, _FIRST_PAUSE
        self._answered_at = time.monotonic()

    def end(self) -> None:
        """Make `work` give the trials back and return. A signal handler may call it."""
        self._ending = True

    def work(self) -> None:
        """Run trials until there are no more.

        Raises `NotFound` if the experiment is deleted, `Conflict` if it is not for workers or if a
        later one has its name, and `Retry` if the service has not answered for long or no process
        can be started.
        """
        try:
            while not self._ending:
                self._collect()
                if not self._ask() and not self._trials:
                    return
                time.sleep(_LOOK_SECONDS)
        finally:
            self._give_back()

    def _ask(self) -> bool:
        """Ask for trials if there is room; returns whether there may be more."""
        free = self._parallel - len(self._trials)
        if free <= 0 or time.monotonic() < self._ask_at:
            return True
        try:
            asked = self._client.ask(self._name, free, self._lease_seconds)
        except Retry as fault:
            if not self._trials and time.monotonic() - self._answered_at > AWAY_SECONDS:
                raise
            self._warn(f"{fault}; retrying")
            return True
        self._answered_at, self._warned = time.monotonic(), ""
        self._refuse_another(asked)
        self._explain(asked)
        self._pause = _FIRST_PAUSE if asked.trials else min(2 * self._pause, _LONGEST_PAUSE)
        self._ask_at = time.monotonic() + (0.0 if asked.trials else self._pause)
        taken = [self._taken(trial) for trial in asked.trials]
        self._trials += taken
        for each in taken:
            each.begin(self._launch(each))
        return not asked.ended

    def _refuse_another(self, asked: Asked) -> None:
        """Raise `Conflict` if the trials are of a later experiment of the same name."""
        if asked.uid in (None, self._uid):
            return
        for trial in asked.trials:
            trial.release("its worker is of an earlier experiment of this name")
        raise Conflict(f"{self._name} was deleted and was submitted again: start the worker again")

    def _explain(self, asked: Asked) -> None:
        """Show why there is no trial, once."""
        if asked.trials or self._trials or asked.reason == self._reason:
            return
        self._reason = asked.reason
        verb = "has ended" if asked.ended else "waits"
        self._show(f"{self._name} {verb}: {asked.reason}")

    def _warn(self, text: str) -> None:
        """Show a fault, but not again and again while it lasts."""
        if text != self._warned:
            self._warned = text
            self._show(text)

    def _taken(self, trial: RunningTrial) -> WorkerTrial:
        run = Run(self._client.namespace, self._name, self._uid, trial.number, trial.attempt)
        return WorkerTrial(trial, run, self._launcher)

    def _launch(self, taken: WorkerTrial) -> Launch:
        return resolve(
            self._spec,
            taken.run,
            taken.trial.hyperparameters,
            api_url=self._client.url,
            token=taken.trial.token,
            checkpoint_url=self._checkpoint(taken.trial),
        )

    def _checkpoint(self, trial: RunningTrial) -> str:
        """Return the URL for checkpoints: a folder here if the store is one on another machine."""
        parts = urlsplit(trial.checkpoint_url)
        store, below, _ = url2pathname(parts.path).partition("/v1/")
        if parts.scheme != "file" or (below and Path(store).is_dir()):
            return trial.checkpoint_url
        return (self._folder / "checkpoints" / str(trial.number)).as_uri()

    def _collect(self) -> None:
        """Pass on what the trainings report, and how they have ended."""
        for each in list(self._trials):
            try:
                outcome = each.look()
                if outcome is None:
                    each.stop_if_unwanted(self._spec.json.get("stall_seconds"))
                else:
                    self._end(each, outcome)
            except Retry as fault:
                self._warn(f"trial {each.run.number}: {fault}; retrying")

    def _end(self, ended: WorkerTrial, outcome: Outcome) -> None:
        try:
            ended.send_output()
        except TuneletError as fault:
            # It must not cost the outcome.
            self._show(f"the output of trial {ended.run.number} is not kept: {fault}")
        try:
            self._show(ended.tell(outcome, counted=not self._ending))
        except (Conflict, Forbidden, NotFound) as late:
            self._show(f"trial {ended.run.number}: {late}")
        self._trials.remove(ended)

    def _give_back(self) -> None:
        """Stop the trainings, and give back the trials that they do not complete."""
        self._ending = True
        for each in self._trials:
            each.stop()
        over = time.monotonic() + _STOP_SECONDS
        while self._trials and time.monotonic() < over:
            self._collect()
            time.sleep(_LOOK_SECONDS)


@contextmanager
def opened(
    client: Client,
    name: str,
    command: Sequence[str],
    parallel: int,
    lease_seconds: float,
    show: Callable[[Trial | str], None],
) -> Iterator[Worker]:
    """A worker in a temporary folder, which lasts as long as the context.

    The command starts in the present folder, or, if its metrics are in a file, in a folder of the
    trial's own. Raises `Reject` for a placeholder that the experiment does not have.
    """
    spec = _own(Spec(client.experiment(name).spec), command)
    with TemporaryDirectory(prefix="tunelet-worker-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        launcher = ProcessLauncher(
            folder,
            {_IMAGE: command},
            2 * parallel,  # a run that has ended keeps its place for a moment
            workdir=_workdir(spec.metrics),
        )
        with guarded(folder, client.namespace, name):
            yield Worker(
                *(client, name, launcher, spec, parallel, lease_seconds, folder), show=show
            )


def _own(spec: Spec, command: Sequence[str]) -> Spec:
    """Return the experiment's spec with the worker's command."""
    code = {"image": _IMAGE, "command": list(command), "args": [], "env": {}}
    if errors := problems(code, spec.hyperparameters):
        raise Reject("unknown placeholder in the command", errors)
    return Spec({**spec.json, "model_training_code": code})


def _workdir(metrics: MetricsSource) -> Path | None:
    return None if metrics.file else Path.cwd()
