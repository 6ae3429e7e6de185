"""Trials per second through the log, by store, with an objective that does nothing.

They are measured as in `overhead`: two hyperparameters, random search, all in one process. With 8
trials at a time, a step of Tunelet commits several at once, and Optuna has 8 threads. The clouds'
stores are the servers that TUNELET_TEST_S3_URL, …_GCS_URL and …_AZURE_URL name, without any
distance, with each of their clients. Optuna's PostgreSQL is a server on a Unix socket.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from adapters.storage import open_store
from adapters.storage.memory import MemoryStore
from benchmarks.clients import urls
from benchmarks.harness.postgres import NEEDS, postgres
from benchmarks.harness.table import by_turns, medians, show
from benchmarks.overhead import optuna_rate, tunelet_rate
from tunelet.ports import Store

TOGETHER = 8
MISSING = "The clouds' stores are left out: set TUNELET_TEST_S3_URL, …_GCS_URL or …_AZURE_URL"

Measure = Callable[[int, int], float]
"""Takes the number of trials, and of trials at a time; returns the trials per second."""


def run(quick: bool) -> dict[str, float]:
    trials, rounds = (16, 1) if quick else (40, 3)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        database = stack.enter_context(postgres())
        measures = contestants(folder, database)
        for measure in measures.values():
            measure(2, 1)  # warm up: coldstart measures imports
        rates = medians(
            by_turns(
                {
                    f"{name}{suffix}": partial(measure, trials, parallel)
                    for parallel, suffix in ((1, ""), (TOGETHER, f"_{TOGETHER}"))
                    for name, measure in measures.items()
                },
                rounds,
            )
        )
    show(
        f"Trials a second, {trials} trials (median of {rounds})",
        ["", "one at a time", f"{TOGETHER} at a time"],
        [[name, f"{rates[name]:.0f}", f"{rates[f'{name}_{TOGETHER}']:.0f}"] for name in measures],
    )
    if database is None:
        print(NEEDS + "\n")
    if not urls():
        print(MISSING + "\n")
    return rates


def contestants(folder: Path, database: str | None) -> dict[str, Measure]:
    """All stores that are available here, and Optuna's storages."""
    found: dict[str, Measure] = {"memory": partial(_in, _memory), "file": partial(_in, _files)}
    found |= {name: partial(_in, partial(_bucket, name)) for name in urls()}
    found["optuna_sqlite"] = partial(_sqlite, folder)
    found["optuna_journal"] = partial(_journal, folder)
    if database is not None:
        found["optuna_postgres"] = partial(_postgres, database)
    return found


def _in(opens: Callable[[], AbstractContextManager[Store]], trials: int, parallel: int) -> float:
    with opens() as store:
        return tunelet_rate(store, trials, parallel)


@contextmanager
def _memory() -> Iterator[Store]:
    yield MemoryStore()


@contextmanager
def _files() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as own:
        yield open_store(Path(own).resolve().as_uri())


@contextmanager
def _bucket(name: str) -> Iterator[Store]:
    """Yield a store with a new prefix, which is removed afterwards."""
    store = open_store(urls()[name])
    try:
        yield store
    finally:
        for key in list(store.list("")):
            store.delete(key)


def _sqlite(folder: Path, trials: int, parallel: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return optuna_rate(RDBStorage(f"sqlite:///{own}/study.db"), trials, parallel)


def _journal(folder: Path, trials: int, parallel: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        backend = JournalFileBackend(f"{own}/journal")
        return optuna_rate(JournalStorage(backend), trials, parallel)


def _postgres(database: str, trials: int, parallel: int) -> float:
    return optuna_rate(RDBStorage(database), trials, parallel)
