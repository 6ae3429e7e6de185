"""Trials a second of a study of Optuna, by the storage: ours beside Optuna's own.

A trial chooses five hyperparameters and reports five values; its objective computes nothing. All
storages are in TMPDIR, which should be a disk and not memory. Ours is once a folder, and once a
service over a folder, by its URL. PostgreSQL is a server on a Unix socket with its default
settings; it is left out if this machine has none. Each is measured with one process and with eight
processes that share the study, from the moment at which all are ready to the last one's end. Optuna
draws at random in all of them.

A run ends with an error unless every trial is in the study once, with all that it has.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex

import optuna

from benchmarks.harness import study_worker
from benchmarks.harness.postgres import NEEDS, postgres
from benchmarks.harness.service import up
from benchmarks.harness.study_worker import STORAGES
from benchmarks.harness.table import by_turns, medians, show

WIDTHS = (1, 8)
_SLOW = "optuna_sqlite"
_SHARE = 4
"""Of the trials, this part for the slow one."""


def run(quick: bool) -> dict[str, float]:
    trials, rounds = (80, 1) if quick else (400, 3)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with (
        postgres() as database,
        tempfile.TemporaryDirectory() as folder,
        up(Path(folder), 0) as own,
    ):
        servers = {"tunelet_service": own.url}
        if database is not None:
            servers["optuna_postgres"] = database
        names = [name for name in STORAGES if name in servers or name != "optuna_postgres"]
        measures = {
            f"{name}_{width}": partial(
                measure, name, trials // (_SHARE if name == _SLOW else 1), width, servers.get(name)
            )
            for name in names
            for width in WIDTHS
        }
        rates = medians(by_turns(measures, rounds))
        own.end()
    show(
        f"Trials a second, up to {trials} trials (median of {rounds})",
        ["", *(f"{width} process{'es' * (width > 1)}" for width in WIDTHS)],
        [[name, *(f"{rates[f'{name}_{width}']:.1f}" for width in WIDTHS)] for name in names],
    )
    if database is None:
        print(NEEDS + "\n")
    return rates


def measure(name: str, trials: int, width: int, server: str | None = None) -> float:
    """Return the trials a second of a new study that `width` processes share.

    The storage is at the URL of the `server`, or in a new folder.
    """
    share, study_name = trials // width, f"study-{token_hex(4)}"
    with _place(server) as place, ExitStack() as stack:
        study = optuna.create_study(study_name=study_name, storage=STORAGES[name](place))
        workers = [
            stack.enter_context(_worker(name, place, study_name, share)) for _ in range(width)
        ]
        for worker in workers:
            _line_of(worker)
        began = time.perf_counter()
        for worker in workers:
            _begin(worker)
        if any(worker.wait() for worker in workers):
            sys.exit(f"a process of {name} failed")
        seconds = time.perf_counter() - began
        _check(name, study, share * width)
    return share * width / seconds


@contextmanager
def _place(server: str | None) -> Iterator[str]:
    if server is not None:
        yield server
        return
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def _worker(name: str, place: str, study: str, trials: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", study_worker.__name__, name, place, study, str(trials)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line_of(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdout is not None
    worker.stdout.readline()


def _begin(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def _check(name: str, study: optuna.Study, expected: int) -> None:
    whole = [
        trial.number
        for trial in study.trials
        if trial.value == 0.0 and len(trial.params) == len(trial.intermediate_values) == 5
    ]
    if whole != list(range(expected)):
        sys.exit(f"{name} has {len(whole)} whole trials of {expected}")
