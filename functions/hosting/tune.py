"""`tunelet.tune`: the whole service inside a call, whose trials are calls of a function."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.launchers.function.handle import Choices
from adapters.launchers.function.launcher import FunctionLauncher
from adapters.launchers.function.printed import kept
from adapters.launchers.function.workers import workers
from adapters.launchers.process_lock import locked
from adapters.storage import open_store
from functions.hosting.in_process import searching
from functions.hosting.near import Near
from functions.hosting.sweeping import swept
from functions.settings import Settings
from functions.telemetry.log import LOGGER
from tunelet.client.client import Client
from tunelet.client.progress import shown_by
from tunelet.client.report import FINAL, winners
from tunelet.client.taking_up import begun
from tunelet.client.trial import Trial
from tunelet.core.commands import Finish
from tunelet.core.experiment import Experiment
from tunelet.core.installation import Installation
from tunelet.core.run import Run
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import FieldError, Reject, TuneletError
from tunelet.interop import hyperparameters
from tunelet.log.journal_cache import Journals
from tunelet.service import Service
from tunelet.tuning import Tuned, failure

if TYPE_CHECKING:
    from algorithms.optuna.define_by_run import DefineByRun

Json = dict[str, Any]

LEASE_SECONDS = 20.0
"""Seconds after which others make the trials of a dead process again. They are lost with it, so
there is no reason to wait for its return, as there is with trainings that outlive their process."""

STORE = Path("tunelet-data/store")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.1
_SHOWN_SECONDS = 0.25
"""Between two calls of `progress`."""
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def tuned(
    objective: Callable[..., Any],
    request: Json,
    store_url: str | None,
    progress: bool | Callable[[Json], object] | None,
    processes: bool | str,
) -> Tuned:
    """See `tunelet.tune`."""
    show = shown_by(progress)
    if not callable(objective):
        raise Reject(f"the objective is a {type(objective).__name__}: give a function")
    if not processes and "stall_seconds" in request:
        _refuse_stalls(request["stall_seconds"])
    free = request["hyperparameters"] is None
    request["hyperparameters"] = {} if free else hyperparameters(request["hyperparameters"])
    request["model_training_code"] = {"image": _image(objective)}
    parallel = request["parallel_trials"]
    choosing = _Choosing() if free else None
    if choosing is not None:
        request["define_by_run"] = True
        _refuse_algorithm(request.get("hpo_algorithm", "tpe"))
    with ExitStack() as stack:
        launcher = FunctionLauncher(
            objective,
            parallel if isinstance(parallel, int) else 1,
            None if choosing is None else choosing.begin,
            # Before any thread is started.
            stack.enter_context(workers(objective, processes)),
        )
        stack.callback(launcher.close)
        if request.get("keep_output", True):
            stack.enter_context(kept())
        store = open_store(store_url or STORE.absolute().as_uri())
        installation = _installation(request)
        dead = stack.enter_context(locked(store.url, installation.id))
        settings = Settings(
            store=store.url,
            secret=secrets.token_bytes(32),
            launcher="",
            lease_seconds=LEASE_SECONDS,
        )
        tried = store_url is not None
        leaving = _Leaving(launcher, Journals(store, by=installation._replace(places=0)))
        # Once the service takes no more steps, which would call the function again.
        stack.push(leaving.leave)
        service = stack.enter_context(
            searching(settings, store, launcher, installation, dead, tries_store=tried)
        )
        leaving.service = service
        near = Near(service)
        client = Client.over(near)
        if choosing is not None:
            choosing.service = service
        experiment = begun(client, request, near.join)
        stack.enter_context(swept(service, LEASE_SECONDS))
        with _noted(experiment["name"]):
            last = _followed(client, service, experiment, show)
        found = _found(last, list(client.trials(last["name"])))
        if last["state"] == "FAILED":
            raise failure(found, named="name" in request)
        return found


@contextmanager
def _noted(name: str) -> Iterator[None]:
    """After Ctrl-C, Python shows below the traceback how the search continues."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        again = f"to continue it, call tune again with name={name!r}"
        interrupt.add_note(f"{name} has not ended, and its results are kept: {again}")
        raise


class _Leaving:
    """Ends what the log has of this process, whose calls end with it."""

    service: Service | None = None

    def __init__(self, launcher: FunctionLauncher, journals: Journals) -> None:
        """`journals` are of an installation without places: the log reserves nothing for it."""
        self._launcher = launcher
        self._journals = journals

    def leave(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the trials of running calls back if an exception ends the search, such as Ctrl-C.

        Then they do not count as attempts: `max_attempts` interrupts would fail a trial.
        """
        if self.service is None:
            return
        lost = Outcome(Verdict.LOST, reason="the call of tune was interrupted", counted=False)
        try:
            for run in self._launcher.running() if kind is not None else ():
                journal = self._journals.of(run.namespace, run.experiment)
                journal.commit(Finish(run.number, run.attempt, lost), uid=run.uid)
            self.service.leases.leave()
        except TuneletError as fault:
            LOGGER.warning("others wait until the lease expires: %s", fault)


class _Choosing:
    """Begins the trials of a define-by-run search, with the trials that the log has."""

    service: Service

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._search: DefineByRun | None = None
        self._looked = 0.0

    def begin(self, run: Run) -> Choices:
        """Raises `Retry` if the store does not answer."""
        return self._learnt(run).begin(run.number, run.attempt)

    def _learnt(self, run: Run) -> "DefineByRun":
        with self._lock:
            if self._search is not None and time.monotonic() - self._looked < _LOOK_SECONDS:
                return self._search
            experiment = self.service.experiment(run.namespace, run.experiment)
            search = self._search = self._search or _search(experiment)
            if sum(experiment.counts[each] for each in _ENDED) > search.ended:
                search.learn(self.service.past(experiment))
            self._looked = time.monotonic()
            return search


_ENDED = ("complete", "pruned", "failed", "stopped")

_LOOK_SECONDS = 1.0
"""Seconds for which ended trials of other processes may be unknown to the sampler."""


def _search(experiment: Experiment) -> "DefineByRun":
    from algorithms.optuna.define_by_run import DefineByRun

    algorithm = experiment.typed_spec.algorithm
    return DefineByRun(
        algorithm.name, algorithm.settings, experiment.terms.objectives, experiment.seed
    )


def _refuse_algorithm(algorithm: str | Mapping[str, Any]) -> None:
    from algorithms.optuna.define_by_run import sampler_of

    sampler_of(algorithm if isinstance(algorithm, str) else str(algorithm.get("name")))


def _refuse_stalls(seconds: object) -> None:
    message = "has no effect on threads, which cannot be killed"
    remedy = "call tune with processes=True, or leave it out"
    error = FieldError("stall_seconds", seconds, message, remedy)
    raise Reject(f"stall_seconds {message}; {remedy}", [error])


def _image(objective: Callable[..., Any]) -> str:
    """What the log calls the function."""
    name = getattr(objective, "__qualname__", type(objective).__name__)
    return "function-" + (_NOT_IN_A_NAME.sub("-", name).strip("-._").lower()[:100] or "of-no-name")


def _installation(request: Json) -> Installation:
    """This process's own: its runs are gone with it, and others take them over."""
    image = request["model_training_code"]["image"]

    def can_run(code: Mapping[str, Any]) -> bool:
        return bool(code.get("image") == image)

    return Installation(secrets.token_hex(8), request["parallel_trials"], can_run, joins=True)


def _followed(
    client: Client, service: Service, begun: Json, progress: Callable[[Json], object] | None
) -> Json:
    """Wait for the end; returns the experiment's last state.

    Only the state is looked at often: the whole JSON of a large experiment takes time.
    """
    namespace, name = begun["namespace"], begun["name"]
    shown: Json = {}
    shown_at = 0.0
    pause = _FIRST_PAUSE
    while True:
        over = service.experiment(namespace, name).over
        due = progress is not None and time.monotonic() - shown_at > _SHOWN_SECONDS
        if over or due:
            now, shown_at = client.experiment(name).json, time.monotonic()
            if progress is not None and now != shown:
                shown = now
                progress(now)
            if now["state"] in FINAL:
                return now
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _found(experiment: Json, trials: list[Trial]) -> Tuned:
    best = next(iter(winners(experiment)), None) if "best" in experiment else None
    return Tuned(
        experiment["name"],
        best["hyperparameters"] if best else None,
        float(best["values"]["objective"]) if best else None,
        trials,
        experiment,
    )
