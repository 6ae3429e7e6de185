"""Reads a whole experiment in a separate process: `python -m benchmarks.harness.reading WHAT URL`.

It prints one JSON object: the numbers of trials and reports, the seconds from the opening of the
log or study to the last trial, and the process's peak memory before and after. All imports are done
before.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

NAMESPACE, NAME = "default", "load"


class Found(NamedTuple):
    trials: int
    reports: int
    seconds: float
    objects_read: int
    requests: int
    before_mib: float
    peak_rss_mib: float


def tunelet(url: str) -> Found:
    from adapters.storage import open_store
    from benchmarks.harness.counting import Counting
    from tunelet.log.journal_cache import Journals

    store = Counting(open_store(url))
    before, began = peak_mib(), time.perf_counter()
    journals = Journals(store)
    experiment = journals.read(NAMESPACE, NAME)
    trials = reports = 0
    for trial in journals.trials(NAMESPACE, NAME):
        trials += 1
        reports += len(trial.reports)
    seconds = time.perf_counter() - began
    if trials != experiment.next_number:
        sys.exit(f"{trials} of {experiment.next_number} trials were read")
    requests = sum(store.calls.values())
    return Found(trials, reports, seconds, store.objects_read, requests, before, peak_mib())


def optuna(path: str) -> Found:
    from optuna import load_study
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    before, began = peak_mib(), time.perf_counter()
    study = load_study(study_name=NAME, storage=JournalStorage(JournalFileBackend(path)))
    trials = reports = 0
    for trial in study.get_trials(deepcopy=False):
        trials += 1
        reports += len(trial.intermediate_values)
    return Found(trials, reports, time.perf_counter() - began, 1, 1, before, peak_mib())


def peak_mib() -> float:
    """The peak memory of this program, without the program that started it."""
    status = Path("/proc/self/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024


READERS: dict[str, Callable[[str], Found]] = {"tunelet": tunelet, "optuna": optuna}

if __name__ == "__main__":
    print(json.dumps(READERS[sys.argv[1]](sys.argv[2])._asdict()))
