"""The list of 2,000 experiments with 10 trials each, by the requests of the page.

A new process lists all experiments by pages of 200, as the page does, and then again. In the first
row neither a sweep nor another list has stored a summary yet. The other rows show every later
process. The row over S3 needs TUNELET_TEST_S3_URL.

Optuna's `get_all_study_summaries` reads as many studies from SQLite, where they were written by
`add_trials`.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks.harness.figures import Figures
from benchmarks.harness.table import show
from benchmarks.load import kept, written

EXPERIMENTS = 2_000
TRIALS = 10
REPORTS = 3
S3 = "TUNELET_TEST_S3_URL"
COLUMNS = ("", "first page s", "all s", "requests", "page again s", "all again s", "requests again")


def run(quick: bool) -> Figures:
    count = EXPERIMENTS // 10 if quick else EXPERIMENTS
    folder = written(kept() / f"list-{count}", count, write)
    study = written(kept() / f"studies-{count}", count, write_studies) / "studies.db"
    for marker in folder.glob("index/*/*/*"):
        marker.write_bytes(b"")
    found = {"tunelet, folder, nothing stored": listed(folder.as_uri())}
    found["tunelet, folder"] = listed(folder.as_uri())
    if url := os.environ.get(S3):
        place = f"{url.rstrip('/')}/list-{secrets.token_hex(4)}"
        copy(folder.as_uri(), place)
        found["tunelet, S3"] = listed(place)
    optuna = summaries(study)
    rows = [
        [name, *(f"{value:.2f}" for value in [*each.values()][1:])] for name, each in found.items()
    ]
    show(
        f"The list of {count} experiments with {TRIALS} trials each",
        COLUMNS,
        [*rows, ["optuna, SQLite", "", f"{optuna[0]:.2f}", "", "", f"{optuna[1]:.2f}", ""]],
    )
    if url is None:
        print(f"The row over S3 is left out: set {S3}\n")
    return {**found, "optuna": {"first_all_s": optuna[0], "again_all_s": optuna[1]}}


def listed(url: str) -> Figures:
    """The figures of a new process."""
    command = [sys.executable, "-m", "benchmarks.harness.listing", url]
    found: Figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def write(folder: Path, count: int) -> None:
    """Write the logs of ended experiments: that of the journal, with other names and chains."""
    from tunelet.core.events import Submitted
    from tunelet.log.entry import decode, encode
    from tunelet.log.markers import index_key
    from tunelet.log.reader import entry_key

    entries = [decode(data, seq)[0] for seq, data in enumerate(_log(), 1)]
    for number in range(count):
        name, uid, checksum = f"experiment-{number:05d}", f"{number:016x}", ""
        for entry in entries:
            events = tuple(
                replace(event, uid=uid, spec=event.spec | {"name": name})
                if isinstance(event, Submitted)
                else event
                for event in entry.events
            )
            data, checksum = encode(replace(entry, prev=checksum, events=events))
            _put(folder / entry_key(f"v1/default/{name}/", entry.seq), data)
        _put(folder / index_key("default", name, uid), b"")


def _log() -> list[bytes]:
    """The entries of one experiment, which ended a day ago."""
    from adapters.storage.memory import MemoryStore
    from algorithms import load_catalog
    from benchmarks.harness.inline import request
    from tunelet.core.commands import AddTrials, Finish, Record, Start, Submit
    from tunelet.core.trial import Outcome, Report, Verdict
    from tunelet.log.journal import Journal
    from tunelet.log.reader import entry_key
    from tunelet.request.spec import parse

    store, at = MemoryStore(), time.time() - 86_400
    journal = Journal(store, "default", "e", clock=lambda: at)
    spec = parse(request("random_search", TRIALS) | {"name": "e"}, load_catalog())
    journal.commit(Submit("0" * 16, spec))
    for number in range(TRIALS):
        journal.commit(AddTrials(number, ({"learning_rate": 0.05, "batch_size": 32 + number},)))
        journal.commit(Start(number, 1))
        for step in range(REPORTS):
            journal.commit(Record(number, 1, (Report(step, {"objective": 1 / (1 + step)}),)))
        end = Outcome(Verdict.COMPLETE, {"objective": number / TRIALS})
        journal.commit(Finish(number, 1, end))
    keys = [entry_key("v1/default/e/", seq) for seq in range(1, journal.seq + 1)]
    return [stored.data for key in keys if (stored := store.get(key)) is not None]


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def copy(source: str, to: str) -> None:
    """Copy what a list reads, and the newest entry of each log."""
    from adapters.storage import open_store
    from tunelet.log.parallel import streamed

    here, there = open_store(source), open_store(to)

    def one(marker: str) -> None:
        path = f"v1/{marker.removeprefix('index/').rpartition('/')[0]}/journal/"
        for key in (marker, [*here.list(path)][-1]):
            stored = here.get(key)
            assert stored is not None
            there.put(key, stored.data)

    for _ in streamed(one, here.list("index/")):
        pass


def write_studies(folder: Path, count: int) -> None:
    """Write as many studies with as many trials."""
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.trial import create_trial
    from sqlalchemy import event

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/studies.db")

    def unsynced(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(storage.engine, "connect", unsynced)
    # The connection that made the tables would be used on, with a sync for each trial.
    storage.engine.dispose()
    space = {"learning_rate": FloatDistribution(0.01, 0.1), "batch_size": IntDistribution(32, 128)}
    trials = [
        create_trial(
            params={"learning_rate": 0.05, "batch_size": 32 + number},
            distributions=space,
            value=number / TRIALS,
            intermediate_values={step: 1 / (1 + step) for step in range(REPORTS)},
        )
        for number in range(TRIALS)
    ]
    for number in range(count):
        study = optuna.create_study(study_name=f"experiment-{number:05d}", storage=storage)
        study.add_trials(trials)


def summaries(database: Path) -> tuple[float, float]:
    """The seconds of `get_all_study_summaries` in a new process, and of a second call."""
    program = (
        "import json, sys, time, optuna\n"
        "found = []\n"
        "for _ in range(2):\n"
        "    began = time.perf_counter()\n"
        "    optuna.get_all_study_summaries(storage=sys.argv[1])\n"
        "    found.append(time.perf_counter() - began)\n"
        "print(json.dumps(found))"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{database}"]
    first, again = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return first, again
