"""Trials per second of 100 workers that ask one service for them.

    100 workers -> `tunelet up` -> a folder that takes 60 ms more for every request

The service is a process of its own (benchmarks.harness.service). The workers are threads of two
processes, each with its own `tunelet.client` and connection. A worker asks for a trial with
`experiment.ask()`, tells a value at once, and asks for the next, until no trial is left. So the
service has as much to do as workers can cause: trainings that take time ask less often.

The time of an ask is from the call to the trial, the time of a tell from the call to the answer,
each with the client's pauses and repetitions. The rate is that of the time from the first ask to
the answer to the last tell.

At the end every entry of the log is read. `lost` is the number of acknowledged outcomes that the
log lacks, `twice` the number of trials that two workers got or that ended twice. The benchmark
fails if the experiment has more or fewer trials than its budget.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from adapters.storage import open_store
from benchmarks.harness.counting import KINDS
from benchmarks.harness.delay import SECONDS
from benchmarks.harness.figures import Figures, percentile
from benchmarks.harness.process import processor_seconds
from benchmarks.harness.service import store_of, up
from benchmarks.harness.table import show
from tunelet.client import Client
from tunelet.core.events import TrialEnded, TrialsCreated
from tunelet.log.compaction import Head
from tunelet.log.reader import heads
from tunelet.ports import Store

WORKERS = 100
PROCESSES = 2
NAME = "workers"
COLUMNS = (
    *("trials", "trials/s", "ask p50 s", "ask p99 s", "tell p50 s", "tell p99 s"),
    *("lost", "twice"),
    *(f"{kind.upper()} per trial" for kind in KINDS),
    "server cpu",
)


class Told(NamedTuple):
    """A trial of a worker, with times in seconds of the wall clock."""

    number: int
    value: float
    asked: float
    given: float
    acknowledged: float


class Standing(NamedTuple):
    """What the log has of the trials."""

    created: int
    ends: Mapping[int, Sequence[object]]
    """The values of the objective that the ends of each trial have, by number."""


class Measured(NamedTuple):
    told: Sequence[Told]
    lost: int
    twice: int
    calls: Mapping[str, int]
    """The service's requests to the store, by kind."""
    cpu: float
    """The processors that the service used, on average."""

    @property
    def seconds(self) -> float:
        return _span(self.told)

    @property
    def asks(self) -> list[float]:
        return [each.given - each.asked for each in self.told]

    @property
    def tells(self) -> list[float]:
        return [each.acknowledged - each.given for each in self.told]


def run(quick: bool) -> Figures:
    trials = 2 * WORKERS if quick else 20 * WORKERS
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        found = measure(pool, WORKERS, trials, SECONDS)
    show(
        f"{WORKERS} workers, a store {SECONDS * 1000:.0f} ms away",
        COLUMNS,
        [_row(found)],
    )
    return {
        "trials_per_s": len(found.told) / found.seconds,
        "p99_ask_s": percentile(found.asks, 0.99),
        "p99_tell_s": percentile(found.tells, 0.99),
        "writes_per_trial": found.calls["put"] / len(found.told),
        "lost": found.lost,
        "twice": found.twice,
    }


def _row(found: Measured) -> list[str]:
    trials = len(found.told)
    times = [percentile(each, at) for each in (found.asks, found.tells) for at in (0.5, 0.99)]
    return [
        str(trials),
        f"{trials / found.seconds:.1f}",
        *(f"{each:.2f}" for each in times),
        str(found.lost),
        str(found.twice),
        *(f"{found.calls[kind] / trials:.2f}" for kind in KINDS),
        f"{found.cpu:.2f}",
    ]


def measure(pool: Executor, workers: int, trials: int, delay: float) -> Measured:
    """Let `workers` ask for trials until all `trials` of a new experiment have ended."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with up(folder, delay) as service:
            Client(service.url).submit(request(workers, trials))
            before = processor_seconds(service.pid)
            parts = [workers // PROCESSES + (i < workers % PROCESSES) for i in range(PROCESSES)]
            groups = list(pool.map(partial(_group, service.url), filter(None, parts)))
            cpu = processor_seconds(service.pid) - before
            calls = service.end()
        told = [each for group in groups for each in group]
        lost, twice = check(standing(open_store(store_of(folder))), told, trials)
    return Measured(told, lost, twice, calls, cpu / _span(told))


def request(workers: int, trials: int) -> dict[str, Any]:
    """Return an experiment that each of the workers may have a trial of."""
    return {
        "name": NAME,
        "model_training_code": {"workers": True},
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": trials,
        "parallel_trials": workers,
    }


def _group(url: str, workers: int) -> list[Told]:
    with ThreadPoolExecutor(workers) as threads:
        return [each for told in threads.map(_work, [url] * workers) for each in told]


def _work(url: str) -> list[Told]:
    experiment = Client(url).experiment(NAME)
    told: list[Told] = []
    asked = time.time()
    while (trial := experiment.ask()) is not None:
        given, value = time.time(), trial.hyperparameters["x"]
        trial.tell(value)
        told.append(Told(trial.number, value, asked, given, asked := time.time()))
    return told


def _span(told: Sequence[Told]) -> float:
    return max(each.acknowledged for each in told) - min(each.asked for each in told)


def standing(store: Store) -> Standing:
    """Read and check every entry of the log, without snapshots."""
    created = 0
    ends: dict[int, list[object]] = {}
    for step in heads(store, f"v1/default/{NAME}/", Head()):
        for event in step.entry.events:
            if isinstance(event, TrialsCreated):
                created += len(event.assignments)
            elif isinstance(event, TrialEnded):
                ends.setdefault(event.number, []).append(event.values.get("objective"))
    return Standing(created, ends)


def check(log: Standing, told: Sequence[Told], trials: int) -> tuple[int, int]:
    """Return the numbers of lost outcomes, and of trials that came or ended twice.

    Exits unless the log has exactly `trials` trials, all of them ended.
    """
    if log.created != trials or len(log.ends) != trials:
        sys.exit(f"{log.created} trials and {len(log.ends)} ends in a budget of {trials} trials")
    times = Counter(each.number for each in told)
    lost = sum(each.value not in log.ends.get(each.number, ()) for each in told)
    twice = sum(times[number] > 1 or len(ends) > 1 for number, ends in log.ends.items())
    return lost, twice
