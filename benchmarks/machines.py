"""Trials per second of one search that many machines share, over a store 60 ms away.

A machine is a process that calls `tune` with the same store and name, for one trial at a time of a
function that does nothing: so this is the most that the log admits. The store is S3 if
TUNELET_TEST_S3_URL is set, else a folder without its turns, each with 60 ms more for a request.

All processes share this machine's processors, and each reads all that the others write: `cpu`
shows when they, and not the store, are the limit. The keys are the numbers of machines.
"""

import os
import tempfile
import time
from itertools import count
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.harness.delay import SECONDS, DelayedStore
from benchmarks.harness.table import show

NUMBERS = (1, 2, 10, 30, 100)
_names = count()


def run(quick: bool) -> dict[str, float]:
    most, each = (10, 5) if quick else (100, 10)
    rates, cpu = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for number in (n for n in NUMBERS if n <= most):
            trials = max(20, each * number)
            rates[str(number)], cpu[number] = _measured(Path(folder), number, trials)
    show(
        f"Trials per second of machines that share a search, a store {SECONDS * 1000:.0f} ms away",
        ["machines", "trials/s", "cpu"],
        [[number, f"{rate:.1f}", f"{cpu[int(number)]:.2f}"] for number, rate in rates.items()],
    )
    return rates


def _measured(folder: Path, number: int, trials: int) -> tuple[float, float]:
    """Return the trials per second and the processors in use, while all machines work."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "functions.hosting.tune", "algorithms.own.random"])
    ready = context.Barrier(number + 1)
    used = context.Value("d", 0.0)
    name = f"machines-{os.getpid()}-{next(_names)}"
    store = _store(folder, name)
    processes = [
        context.Process(target=_machine, args=(store, name, trials, ready, used))
        for _ in range(number)
    ]
    for process in processes:
        process.start()
    ready.wait()
    began = time.perf_counter()
    ready.wait()
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return trials / seconds, used.value / seconds


def _machine(
    store: str, name: str, trials: int, ready: Barrier, used: "Synchronized[float]"
) -> None:
    import functions.hosting.tune as hosting
    from adapters.storage import open_store
    from tunelet import tune

    def opened(url: str) -> DelayedStore:
        far = DelayedStore(open_store(url), SECONDS)
        far.url = f"far+{url}"  # else processes of this machine would take turns
        return far

    setattr(hosting, "open_store", opened)  # noqa: B010
    ready.wait()
    space = {"x": {"type": "float", "min": 0, "max": 1}}
    shared: Any = {"name": name, "store": store}
    began = time.process_time()
    found = tune(
        _nothing, space, trials=trials, algorithm="random_search", progress=False, **shared
    )
    assert found.experiment["counts"]["complete"] == trials, found.experiment["counts"]
    with used.get_lock():
        used.value += time.process_time() - began
    ready.wait()


def _nothing(params: dict[str, float]) -> float:
    return params["x"]


def _store(folder: Path, name: str) -> str:
    if bucket := os.environ.get("TUNELET_TEST_S3_URL"):
        return f"{bucket.rstrip('/')}/{name}"
    return (folder / name).resolve().as_uri()
