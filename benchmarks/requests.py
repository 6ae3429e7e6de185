"""The requests to the bucket for a trial, by kind, and their price.

One process runs all of Tunelet: a service, its functions, called through a queue of signals as a
broker calls them, and the training code as threads that push their values. A trial makes 10
reports, one in a call, each as soon as the last is answered, and then reports that it has
completed. 64 run at a time; `alone` is one at a time. All rows except one are as fast as possible,
so that 64 trials always have something to write together. In `64, paced` a trial reports once in
the time of 16 requests, about a second on S3.

The bucket is this process's memory, and a request takes 4 ms, so that simultaneous work shares an
entry. PUT counts creates and swaps, too, LIST each page of 1,000 keys. All requests for the
experiment count, from submit to end, with snapshots and segments.

Optuna does the same through its JournalStorage with a backend that is a counting list: an append is
a write, and each read looks for new entries. After each report it asks whether to stop; Tunelet's
answer to a report says that already.

Prices, in dollars for 1,000 requests of standard storage in the United States, in November 2026;
deletes are free on all three:
    S3      PUT, LIST 0.005; GET 0.0004: aws.amazon.com/s3/pricing, us-east-1
    Google  class A (insert, list) 0.005, class B (get) 0.0004:
            cloud.google.com/storage/pricing-examples
    Azure   write, list 0.0055, read 0.00044: the sample prices of the hot tier in
            learn.microsoft.com/azure/storage/common/azcopy-cost-estimation
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, NamedTuple

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from adapters.launchers.memory import MemoryLauncher
from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from benchmarks.harness.counting import KINDS, Counting
from benchmarks.harness.delay import DelayedStore
from benchmarks.harness.figures import Figures
from benchmarks.harness.inline import request
from benchmarks.harness.table import show
from tunelet.assembly import assembled
from tunelet.core.run import Launch, Observation, Phase, Run
from tunelet.core.signal import FINISHED, LAUNCH, SUGGEST, Signal
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import Retry

REPORTS = 10
TOGETHER = 64
SECONDS = 0.004
PACE = 16 * SECONDS
SIZES = (100, 1_000, 10_000, 100_000)
ALONE = (100, 1_000)
FUNCTIONS = 16
"""The number of signals that are handled at once."""
SWEEP_SECONDS = 60.0

DOLLARS: Mapping[str, Mapping[str, float]] = {
    "S3": {"put": 0.005, "get": 0.0004, "list": 0.005, "delete": 0.0},
    "Google": {"put": 0.005, "get": 0.0004, "list": 0.005, "delete": 0.0},
    "Azure": {"put": 0.0055, "get": 0.00044, "list": 0.0055, "delete": 0.0},
}


class Row(NamedTuple):
    """The requests of a trial, by kind, and the time of all trials in seconds."""

    trials: int
    calls: Mapping[str, float]
    seconds: float

    def dollars(self, cloud: str) -> float:
        """The price of 1,000 trials in dollars."""
        return sum(self.calls[kind] * price for kind, price in DOLLARS[cloud].items())


def run(quick: bool) -> Figures:
    sizes, alone = (SIZES[:2], ALONE[:1]) if quick else (SIZES, ALONE)
    rows = {
        f"{TOGETHER} at a time": [measure(n, TOGETHER) for n in sizes],
        f"{TOGETHER}, paced": [measure(sizes[1], TOGETHER, PACE)],
        "alone": [measure(n, 1) for n in alone],
    }
    show(
        f"Requests a trial with {REPORTS} reports, and dollars for 1,000 trials",
        ["", "trials", *(kind.upper() for kind in KINDS), *DOLLARS, "seconds"],
        [_shown(name, row) for name, each in rows.items() for row in each],
    )
    together = {n: optuna_calls(n, TOGETHER) for n in sizes[:2]}
    show(
        "Optuna's JournalStorage, of a trial",
        ["", "trials", "appends", "reads"],
        [
            [name, str(n), f"{calls['append'] / n:.1f}", f"{calls['read'] / n:.1f}"]
            for name, n, calls in (
                *((f"{TOGETHER} at a time", n, calls) for n, calls in together.items()),
                ("alone", sizes[0], optuna_calls(sizes[0], 1)),
            )
        ],
    )
    found = {str(row.trials): row.calls for row in rows[f"{TOGETHER} at a time"]}
    return {**found, "alone": rows["alone"][-1].calls}


def _shown(name: str, row: Row) -> list[str]:
    calls = [f"{row.calls[kind]:.2f}" for kind in KINDS]
    return [
        name,
        str(row.trials),
        *calls,
        *(f"{row.dollars(cloud):.4f}" for cloud in DOLLARS),
        f"{row.seconds:.0f}",
    ]


def measure(trials: int, parallel: int, pace: float = 0.0, delay: float = SECONDS) -> Row:
    """Run an experiment of `trials` trials; `pace` is the time between a trial's reports."""
    store = Counting(MemoryStore())
    began = time.perf_counter()
    Tunelet(store, parallel, pace, delay).run(request("random_search", trials, parallel))
    seconds = time.perf_counter() - began
    return Row(trials, {kind: store.calls[kind] / trials for kind in KINDS}, seconds)


class Tunelet(MemoryLauncher):
    """A service with its broker and its training code, all in threads.

    It is also the launcher and the publisher.
    """

    def __init__(self, store: Counting, parallel: int, pace: float, delay: float) -> None:
        super().__init__()
        self._pace = pace
        self._runs: SimpleQueue[Run | None] = SimpleQueue()
        self._signals: SimpleQueue[Signal | None] = SimpleQueue()
        self._parallel = parallel
        self._ended = threading.Event()
        self._faults: list[Exception] = []
        self.service = assembled(
            DelayedStore(store, delay),
            self,
            load_catalog(),
            self,
            secret=bytes(16),
            api_url="http://127.0.0.1",
        )

    def run(self, asked: dict[str, object]) -> None:
        """Run the experiment to its end. Raises the error of a step or a trial."""
        experiment = self.service.submit(asked)
        threads = self._parallel + FUNCTIONS
        with ThreadPoolExecutor(threads) as pool:
            for _ in range(self._parallel):
                pool.submit(self._train)
            for _ in range(FUNCTIONS):
                pool.submit(self._handle)
            while not self._ended.wait(SWEEP_SECONDS):
                self.service.sweep()
            for _ in range(threads):
                self._runs.put(None)
                self._signals.put(None)
        if self._faults:
            raise self._faults[0]
        ended = self.service.experiment(experiment.namespace, experiment.name)
        if ended.counts["complete"] != ended.next_number or ended.state != "COMPLETE":
            raise RuntimeError(f"{ended.counts} of {ended.next_number} trials: {ended.reason}")

    def publish(self, signal: Signal) -> None:
        if signal.topic == FINISHED:
            self._ended.set()
        else:
            self._signals.put(signal)

    def start(self, launch: Launch) -> None:
        self._runs.put(launch.run)

    def _handle(self) -> None:
        steps = {SUGGEST: self.service.suggest, LAUNCH: self.service.launch}
        while (signal := self._signals.get()) is not None:
            try:
                steps[signal.topic](signal.namespace, signal.experiment)
            except Retry:
                self._signals.put(signal)
            except Exception as error:  # noqa: BLE001 (raised by `run`)
                self._fail(error)

    def _train(self) -> None:
        while (run := self._runs.get()) is not None:
            try:
                for step in range(REPORTS):
                    self.service.attempts.report(run, [Report(step, {"loss": 1 / (1 + step)})])
                    time.sleep(self._pace)
                outcome = Outcome(Verdict.COMPLETE, {"objective": 0.0})
                self.service.attempts.finish(run, outcome)
                self.observed[run] = Observation(Phase.ENDED, outcome=outcome)
            except Exception as error:  # noqa: BLE001 (raised by `run`)
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._faults.append(error)
        self._ended.set()


class _Lines(BaseJournalBackend):
    """A journal backend of Optuna that is a list and counts calls."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        with self._lock:
            self.calls["read"] += 1
            return iter(self._lines[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with self._lock:
            self.calls["append"] += 1
            self._lines += logs


def optuna_calls(trials: int, parallel: int) -> Counter[str]:
    """Count the calls of the same work with Optuna's storage."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = _Lines()
    study = optuna.create_study(
        storage=JournalStorage(backend), sampler=optuna.samplers.RandomSampler(seed=1)
    )
    study.optimize(_trained, n_trials=trials, n_jobs=parallel)
    return backend.calls


def _trained(trial: optuna.Trial) -> float:
    trial.suggest_float("learning_rate", 0.01, 0.1)
    trial.suggest_int("batch_size", 32, 128)
    for step in range(REPORTS):
        trial.report(1 / (1 + step), step)
        trial.should_prune()
    return 0.0
