"""Control overhead of a trial: trials per second with an objective that does nothing.

Everything runs in one process and on one file system, that of TMPDIR, which should be a disk and
not memory. Tunelet uses its file store and commits each step with fsync. Optuna uses its sqlite and
journal-file storages, which sync, too, and memory, which keeps nothing. All have the same two
hyperparameters and random search.

With eight trials at a time, Optuna uses eight threads (`n_jobs=8`), and a step of Tunelet commits
several trials at once.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from adapters.storage import open_store
from benchmarks.harness.inline import Inline, request
from benchmarks.harness.table import by_turns, medians, show
from tunelet.ports import Store

optuna.logging.set_verbosity(optuna.logging.WARNING)

STORAGES: dict[str, Callable[[Path], BaseStorage]] = {
    "optuna_sqlite": lambda folder: RDBStorage(f"sqlite:///{folder}/study.db"),
    "optuna_journal": lambda folder: JournalStorage(JournalFileBackend(str(folder / "log"))),
    "optuna_memory": lambda _folder: InMemoryStorage(),
}
TOGETHER = 8


def run(quick: bool) -> dict[str, float]:
    trials, rounds = (50, 1) if quick else (200, 3)
    with tempfile.TemporaryDirectory() as folder:
        measures = {
            f"{name}{suffix}": partial(measure, Path(folder), trials, parallel)
            for parallel, suffix in ((1, ""), (TOGETHER, f"_{TOGETHER}"))
            for name, measure in _contestants().items()
        }
        for measure in _contestants().values():
            measure(Path(folder), 2, 1)  # warm up: coldstart measures imports
        rates = medians(by_turns(measures, rounds))
    show(
        f"Trials a second, {trials} trials (median of {rounds})",
        ["", "one at a time", "of tunelet", f"{TOGETHER} at a time", "of tunelet"],
        [
            [
                name,
                f"{rates[name]:.0f}",
                f"{rates[name] / rates['tunelet']:.2f}",
                f"{rates[f'{name}_{TOGETHER}']:.0f}",
                f"{rates[f'{name}_{TOGETHER}'] / rates[f'tunelet_{TOGETHER}']:.2f}",
            ]
            for name in _contestants()
        ],
    )
    return rates


def _contestants() -> Mapping[str, Callable[[Path, int, int], float]]:
    return {"tunelet": _tunelet, **{name: partial(_optuna, name) for name in STORAGES}}


def _tunelet(folder: Path, trials: int, parallel: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return tunelet_rate(open_store(Path(own).resolve().as_uri()), trials, parallel)


def tunelet_rate(store: Store, trials: int, parallel: int) -> float:
    """Return the trials per second of a new experiment in `store`."""
    inline = Inline(store, lambda _: 0.0)
    began = time.perf_counter()
    experiment = inline.run(request("random_search", trials, parallel))
    seconds = time.perf_counter() - began
    if (complete := experiment.counts["complete"]) != trials:
        sys.exit(f"only {complete} of {trials} trials completed")
    return trials / seconds


def _optuna(name: str, folder: Path, trials: int, parallel: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return optuna_rate(STORAGES[name](Path(own)), trials, parallel)


def optuna_rate(storage: BaseStorage, trials: int, parallel: int) -> float:
    """Return the trials per second of a new study in `storage`, which is not used afterwards."""
    began = time.perf_counter()
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(_nothing, n_trials=trials, n_jobs=parallel)
    seconds = time.perf_counter() - began
    if isinstance(storage, RDBStorage):
        storage.engine.dispose()
    return trials / seconds


def _nothing(trial: optuna.Trial) -> float:
    trial.suggest_float("learning_rate", 0.01, 0.1)
    trial.suggest_int("batch_size", 32, 128)
    return 0.0
