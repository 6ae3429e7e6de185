"""Trials per second of a Python function that does nothing, through the call that users make.

`tune` over a folder (and over S3, if TUNELET_TEST_S3_URL is set), with a declared space and
define-by-run; Optuna's `study.optimize` over memory, sqlite and its journal file; Hyperopt's
`fmin`, which stores nothing. All sample one float at random, with 1, 8 and 64 trials at a time: in
threads of one process, and (`_several`) in four processes that share the trials. The measured time
is that of the whole call, without imports.

The keys are contestant_width: `tunelet_8`, `optuna_sqlite_64_several`.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.harness.table import by_turns, medians, show

WIDTHS = (1, 8, 64)
PROCESSES = 4
SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
_names = count()

Search = Callable[[Path, int, int], None]
"""Runs a search: its folder, the number of trials, and how many run at a time."""


def run(quick: bool) -> dict[str, float]:
    trials, rounds = (40, 1) if quick else (400, 3)
    with tempfile.TemporaryDirectory() as folder:
        for search in CONTESTANTS.values():
            search(_new(Path(folder)), 2, 1)  # so that first imports are not measured
        measures = dict(_measures(Path(folder), trials))
        rates = medians(by_turns(measures, rounds))
    widths = [f"{width}{suffix}" for suffix in ("", "_several") for width in WIDTHS]
    show(
        f"Trials per second of a function, {trials} trials (median of {rounds})",
        ["", *(width.replace("_several", f" in {PROCESSES}") for width in widths)],
        [[name, *(_cell(rates, f"{name}_{width}") for width in widths)] for name in CONTESTANTS],
    )
    return rates


def _cell(rates: dict[str, float], key: str) -> str:
    return f"{rates[key]:.0f}" if key in rates else "-"


def _measures(folder: Path, trials: int) -> Iterator[tuple[str, Callable[[], float]]]:
    for name in CONTESTANTS:
        for width in WIDTHS:
            if name not in ALONE or width == 1:
                yield f"{name}_{width}", partial(_alone, name, folder, trials, width)
            if name not in ALONE and name not in IN_MEMORY and width >= PROCESSES:
                yield f"{name}_{width}_several", partial(_several, name, folder, trials, width)


def _alone(name: str, folder: Path, trials: int, width: int) -> float:
    own = _new(folder)
    began = time.perf_counter()
    CONTESTANTS[name](own, trials, width)
    return trials / (time.perf_counter() - began)


def _several(name: str, folder: Path, trials: int, width: int) -> float:
    """Measure from when all processes are ready until the last one has ended."""
    own, start = _new(folder), multiprocessing.get_context("spawn")
    if name in OPTUNA:
        _study(OPTUNA[name], own)  # processes that create the tables at the same time fail
    ready = start.Barrier(PROCESSES + 1)
    # Optuna's processes do not share a budget, so each gets its part.
    part = trials // PROCESSES if name in OPTUNA else trials
    each = (name, own, part, width // PROCESSES, ready)
    processes = [start.Process(target=_process, args=each) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    ready.wait()
    began = time.perf_counter()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return trials / (time.perf_counter() - began)


def _process(name: str, folder: Path, trials: int, width: int, ready: Barrier) -> None:
    CONTESTANTS[name](_new(folder), 2, 1)
    ready.wait()
    CONTESTANTS[name](folder, trials, width)


def _new(folder: Path) -> Path:
    """Create a folder. Its name is also the name of the search."""
    made = folder / f"search-{os.getpid()}-{next(_names)}"
    made.mkdir()
    return made


def _tunelet(space: dict[str, Any] | None, bucket: str | None, *how: Any) -> None:
    from tunelet import tune

    folder, trials, width = how
    store = f"{bucket}/{folder.name}" if bucket else (folder / "store").resolve().as_uri()
    objective = _nothing if space else _free
    options = {"algorithm": "random_search", "store": store, "name": folder.name}
    found = tune(objective, space, trials=trials, parallel=width, **options)
    assert found.experiment["counts"]["complete"] == trials


def _nothing(params: dict[str, float]) -> float:
    return params["x"]


def _free(trial: Any) -> float:
    return float(trial.suggest_float("x", 0, 1))


def _optuna(storage: str, folder: Path, trials: int, width: int) -> None:
    _study(storage, folder).optimize(_free, n_trials=trials, n_jobs=width)


def _study(storage: str, folder: Path) -> Any:
    import optuna
    from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storages: dict[str, Callable[[], Any]] = {
        "memory": InMemoryStorage,
        # Seconds that a process waits for locks of others. The default, 5, is too short.
        "sqlite": lambda: RDBStorage(
            f"sqlite:///{folder}/study.db", engine_kwargs={"connect_args": {"timeout": 100}}
        ),
        "journal": lambda: JournalStorage(JournalFileBackend(str(folder / "log"))),
    }
    return optuna.create_study(
        storage=storages[storage](),
        study_name=folder.name,
        sampler=optuna.samplers.RandomSampler(),
        load_if_exists=True,
    )


def _hyperopt(folder: Path, trials: int, width: int) -> None:
    from hyperopt import fmin, hp, rand

    space = {"x": hp.uniform("x", 0, 1)}
    fmin(_nothing, space, rand.suggest, trials, show_progressbar=False, verbose=False)


def _contestants() -> dict[str, Search]:
    found: dict[str, Search] = {
        "tunelet": partial(_tunelet, SPACE, None),
        "tunelet_free": partial(_tunelet, None, None),
    }
    if bucket := os.environ.get("TUNELET_TEST_S3_URL"):
        prefix = f"{bucket.rstrip('/')}/functions-{os.getpid()}"
        found["tunelet_s3"] = partial(_tunelet, SPACE, prefix)
    found |= {name: partial(_optuna, storage) for name, storage in OPTUNA.items()}
    return {**found, "hyperopt": _hyperopt}


OPTUNA = {f"optuna_{storage}": storage for storage in ("memory", "sqlite", "journal")}
CONTESTANTS = _contestants()
ALONE = ("hyperopt",)
"""`fmin` runs one trial at a time."""
IN_MEMORY = ("optuna_memory",)
