"""`tunelet worker`: ask a service for trials, and run a command for each on this machine.

The process launcher runs the command as it does for `tunelet run`, in a folder of the worker's own.
The worker passes on what the launcher observes. It needs no store, and no port of its own.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from adapters.launchers.local.launcher import ProcessLauncher
from functions.hosting.worker_guard import guarded
from tunelet.client.client import Client
from tunelet.client.running import Asked, RunningTrial
from tunelet.client.trial import Trial
from tunelet.core.lease import MOST_OUTPUT
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Run
from tunelet.core.spec import Spec
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import Conflict, Forbidden, NotFound, Reject, Retry, TuneletError
from tunelet.text.limits import BODY_BYTES
from tunelet.training.placeholders import problems, resolve

AWAY_SECONDS = 600.0
"""For how long a worker without trials waits for a service that does not answer."""

_IMAGE = "worker"
_LOOK_SECONDS = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_REPORTS = 1000
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
        self._active: dict[Run, _Active] = {}
        self._reason: str | None = None
        self._ask_at, self._pause = 0.0, _FIRST_PAUSE
        self._answered_at = time.monotonic()

    def end(self) -> None:
        """Make `work` give the trials back and return. A signal handler may call it."""
        self._ending = True

    def work(self) -> None:
        """Run trials until there are no more.

        Raises `NotFound` if the experiment is deleted, `Conflict` if it is not for workers, and
        `Retry` if the service has not answered for long or no process can be started.
        """
        try:
            while not self._ending:
                self._collect()
                if not self._ask() and not self._active:
                    return
                time.sleep(_LOOK_SECONDS)
        finally:
            self._give_back()

    def _ask(self) -> bool:
        """Ask for trials if there is room; returns whether there may be more."""
        free = self._parallel - len(self._active)
        if free <= 0 or time.monotonic() < self._ask_at:
            return True
        try:
            asked = self._client.ask(self._name, free, self._lease_seconds)
        except Retry as fault:
            if not self._active and time.monotonic() - self._answered_at > AWAY_SECONDS:
                raise
            self._show(f"{fault}; retrying")
            return True
        self._answered_at = time.monotonic()
        self._explain(asked)
        self._pause = _FIRST_PAUSE if asked.trials else min(2 * self._pause, _LONGEST_PAUSE)
        self._ask_at = time.monotonic() + (0.0 if asked.trials else self._pause)
        for trial in asked.trials:
            self._active[self._run(trial)] = _Active(trial)
        for run, active in self._active.items():
            self._begin(run, active)
        return not asked.ended

    def _explain(self, asked: Asked) -> None:
        """Show why there is no trial, once."""
        if asked.trials or self._active or asked.reason == self._reason:
            return
        self._reason = asked.reason
        verb = "has ended" if asked.ended else "waits"
        self._show(f"{self._name} {verb}: {asked.reason}")

    def _run(self, trial: RunningTrial) -> Run:
        return Run(self._client.namespace, self._name, self._uid, trial.number, trial.attempt)

    def _begin(self, run: Run, active: "_Active") -> None:
        if active.begun:
            return
        trial = active.trial
        launch = resolve(
            self._spec,
            run,
            trial.hyperparameters,
            api_url=self._client.url,
            token=trial.token,
            checkpoint_url=self._checkpoint(trial),
        )
        self._launcher.launch(launch)
        active.begun, active.heard = True, time.time()

    def _checkpoint(self, trial: RunningTrial) -> str:
        """Return the URL for checkpoints: a folder here if the store is one on another machine."""
        parts = urlsplit(trial.checkpoint_url)
        store, below, _ = url2pathname(parts.path).partition("/v1/")
        if parts.scheme != "file" or (below and Path(store).is_dir()):
            return trial.checkpoint_url
        return (self._folder / "checkpoints" / str(trial.number)).as_uri()

    def _collect(self) -> None:
        for run, active in list(self._active.items()):
            if not active.begun:
                continue
            seen = self._launcher.observe(run)
            try:
                active.pass_on(seen.reports)
            except Retry as fault:
                self._show(f"trial {run.number}: {fault}; retrying")
                continue
            if seen.outcome is not None:
                self._end(run, seen.outcome)
            elif not active.stopped and self._unwanted(run, active):
                active.stopped = True
                self._launcher.stop(run)

    def _unwanted(self, run: Run, active: "_Active") -> bool:
        """Whether its training should stop: the service says so, or it has stalled."""
        if active.trial.should_prune():
            return True
        limit = self._spec.json.get("stall_seconds")
        if limit is None:
            return False
        heard = max(active.heard, self._launcher.heard(run) or 0.0)
        if time.time() - heard < limit:
            return False
        active.reason = f"the training printed and reported nothing for {limit:g} s (stall_seconds)"
        return True

    def _end(self, run: Run, outcome: Outcome) -> None:
        active = self._active[run]
        self._send_output(run)
        try:
            self._show(self._told(active, outcome))
        except (Conflict, Forbidden, NotFound) as late:
            self._show(f"trial {run.number}: {late}")
        except Retry as fault:
            self._show(f"trial {run.number}: {fault}; retrying")
            return
        del self._active[run]

    def _send_output(self, run: Run) -> None:
        """Send what the training printed. A fault here must not lose the outcome."""
        active = self._active[run]
        if not active.begun or active.sent_output:
            return
        active.sent_output = True
        try:
            active.trial.keep_output(_shortened(b"".join(self._launcher.logs(run))))
        except TuneletError as fault:
            self._show(f"the output of trial {run.number} is not kept: {fault}")

    def _told(self, active: "_Active", outcome: Outcome) -> Trial:
        unread = outcome.unread and outcome.verdict is Verdict.COMPLETE
        if outcome.verdict is Verdict.LOST or unread:
            reason = active.reason or outcome.reason
            return active.trial.release(reason, counted=not self._ending)
        return active.trial.tell_outcome(_json(outcome))

    def _give_back(self) -> None:
        """Stop the trainings, and give back the trials that they do not complete."""
        for run in self._active:
            self._launcher.stop(run)
        over = time.monotonic() + _STOP_SECONDS
        while self._active and time.monotonic() < over:
            self._collect_ends()
            time.sleep(_LOOK_SECONDS)
        for active in self._active.values():
            active.trial.release("its worker was told to end")

    def _collect_ends(self) -> None:
        for run, active in list(self._active.items()):
            outcome = self._launcher.observe(run).outcome if active.begun else _UNBEGUN
            if outcome is not None:
                self._end(run, outcome)


_UNBEGUN = Outcome(Verdict.LOST, reason="its worker ended before it began")


def _shortened(output: bytes) -> str:
    """Return the output as text that fits into a body; of a long one the beginning and the end."""
    whole = output.decode(errors="replace")
    text, most = whole, MOST_OUTPUT
    while len(text) > MOST_OUTPUT or len(json.dumps(text)) > _BODY_BYTES:
        half = (most - len(_CUT)) // 2
        text, most = whole[:half] + _CUT + whole[-half:], most // 2
    return text


_BODY_BYTES = BODY_BYTES - 1000


_CUT = "\n… the worker left out the middle of the output …\n"


class _Active:
    """A trial of this worker, and what it has passed on."""

    def __init__(self, trial: RunningTrial) -> None:
        self.trial = trial
        self.begun = False
        self.stopped = False
        self.sent_output = False
        self.heard = 0.0
        """When it began or reported last, in seconds since 1970."""
        self.reason: str | None = None
        """Why its training was stopped, if the service does not know."""
        self._sent: dict[int, Any] = {}

    def pass_on(self, reports: Sequence[Report]) -> None:
        """Send the reports that are new."""
        new = [each for each in reports if self._sent.get(each.step) != each.values]
        for start in range(0, len(new), _REPORTS):
            some = new[start : start + _REPORTS]
            try:
                self.trial.report_all([{"step": r.step, "values": r.values} for r in some])
            except (NotFound, Forbidden, Reject):
                self.trial.abandon()
                return
            self.heard = time.time()
            self._sent.update((each.step, each.values) for each in some)


def _json(outcome: Outcome) -> dict[str, Any]:
    fields = {
        "reason": outcome.reason,
        "exit_code": outcome.exit_code,
        "log_tail": outcome.log_tail,
    }
    given = {name: each for name, each in fields.items() if each is not None}
    return {"state": outcome.verdict.value, "values": outcome.values, **given}


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
