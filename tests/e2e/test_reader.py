"""The log is read from another language, by docs/concepts/protocol.md alone."""

import json
import pickle
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import optuna
import pytest

from adapters.storage.files import FileStore
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.trial import Outcome, Report, Trial, Verdict
from tunelet.interop.optuna import TuneletStorage
from tunelet.log.entry import FORMAT, decode, encode
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.log.purge import PURGE_AFTER
from tunelet.log.reader import entry_key

READER = Path(__file__).with_name("reader.mjs")
HOWS = pytest.mark.parametrize("how", ["--all", "--newest"])

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js"),
    pytest.mark.xdist_group("reader"),
]


def live_a_life(journal: Journal, trials: int) -> None:
    """Trials in every state, some of them tried twice, with values of every kind."""
    journal.commit(c.Submit("u" * 16, SPEC))
    for n in range(trials):
        journal.commit(c.AddTrials(n, ({"x": n / 3, "kind": "é" if n % 2 else None},)))
        journal.commit(c.Start(n, 1))
        attempt = 1
        reports = Report(1, {"objective": 1.5 * n}), Report(3, {"objective": "NaN"})
        journal.commit(c.Record(n, 1, reports))
        if n % 5 == 0:
            journal.commit(c.Finish(n, 1, Outcome(Verdict.LOST, reason="the node is gone")))
            attempt = 2
            journal.commit(c.Start(n, 2))
            told = (Report(1, {"objective": 2.5}, 2), Report(2, {"objective": "Infinity"}, 2))
            journal.commit(c.Record(n, 2, told))
        if n < trials - 3:
            journal.commit(c.Finish(n, attempt, outcome(n)))


def outcome(n: int) -> Outcome:
    match n % 4:
        case 0:
            return Outcome(Verdict.FAIL, reason="exit code 3", exit_code=3, log_tail="ünlucky")
        case 1:
            return Outcome(Verdict.PRUNED)
        case _:
            return Outcome(Verdict.COMPLETE, {"objective": float(n), "accuracy": 0.5})


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with one life: 700 entries, each of them synced to the disk."""
    folder = tmp_path_factory.mktemp("lived") / "store"
    live_a_life(Journal(FileStore(folder), "default", "e"), 160)
    return folder


@pytest.fixture
def store(lived: Path, tmp_path: Path) -> FileStore:
    return FileStore(shutil.copytree(lived, tmp_path / "store"))


def run(store: FileStore, how: str) -> "subprocess.CompletedProcess[str]":
    folder = store.url.removeprefix("file://")
    return subprocess.run(
        ["node", READER, folder, "default", "e", how], capture_output=True, text=True, check=False
    )


def plain(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.value,
        "attempt": trial.attempt,
        "hyperparameters": trial.hyperparameters,
        "values": trial.values,
        "reports": [(r.step, r.values, r.attempt) for r in trial.reports],
        "reason": trial.reason,
    }


def as_read(trial: dict[str, Any]) -> dict[str, Any]:
    reports = [(r["step"], r["values"], r.get("attempt", 1)) for r in trial["reports"]]
    told = {name: trial.get(name) for name in plain(Trial(0, {}, 0.0))}
    return told | {"reports": reports}


@HOWS
def test_it_reads_the_same_as_the_service(store: FileStore, how: str) -> None:
    journals = Journals(store)
    experiment = journals.read("default", "e")
    found = json.loads(run(store, how).stdout)
    told = (found["uid"], found["state"], found["nextNumber"])
    assert told == (experiment.uid, experiment.state, experiment.next_number)
    assert [as_read(each) for each in found["trials"]] == [
        plain(trial) for trial in journals.trials("default", "e")
    ]
    assert len(list(store.list("v1/default/e/segments/1/"))) > 0


@HOWS
def test_it_reads_a_study_of_optuna(tmp_path: Path, how: str) -> None:
    store = FileStore(tmp_path / "store")
    study = optuna.create_study(study_name="e", storage=TuneletStorage(store.url))

    def objective(trial: optuna.Trial) -> float:
        for step in (0, 2, 1):
            trial.report(step, step)
        if trial.number % 3 == 0:
            raise optuna.TrialPruned
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=40)
    running = study.ask()
    for value in (1.0, 2.0):
        study._storage.set_trial_intermediate_value(running._trial_id, 5, value)
        pickle.dumps(study._storage)  # which writes
    study.enqueue_trial({"x": 0.5})
    found = json.loads(run(store, how).stdout)
    trials = Journals(store).trials("default", "e")
    assert [as_read(each) for each in found["trials"]] == [plain(trial) for trial in trials]
    assert found["trials"][40]["values"] == {"objective": 2.0}


@HOWS
def test_it_reads_the_life_that_follows_a_deletion(store: FileStore, how: str) -> None:
    now = time.time()
    journal = Journal(store, "default", "e", clock=lambda: now)
    journal.commit(c.Delete())
    journal.commit(c.Submit("v" * 16, SPEC))
    journal.commit(c.AddTrials(0, ({"x": 1.0},)))
    now += PURGE_AFTER + 1
    assert Journal(store, "default", "e", clock=lambda: now).purge()
    found = json.loads(run(store, how).stdout)
    assert (found["uid"], [each["number"] for each in found["trials"]]) == ("v" * 16, [0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"at"', b'"aT"', "entry 600 is altered"),
        (None, b"", "entry 600 is foreign"),
    ],
)
def test_it_refuses_altered_and_foreign_entries(
    store: FileStore, old: bytes | None, new: bytes, message: str
) -> None:
    key = entry_key("v1/default/e/", 600)
    stored, other = store.get(key), store.get(entry_key("v1/default/e/", 601))
    assert stored is not None
    assert other is not None
    store.put(key, other.data if old is None else stored.data.replace(old, new))
    answer = run(store, "--all")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert message in answer.stderr


def test_it_refuses_a_newer_format(store: FileStore) -> None:
    key = entry_key("v1/default/e/", 600)
    stored = store.get(key)
    assert stored is not None
    entry, _ = decode(stored.data, 600)
    store.put(key, encode(msgspec.structs.replace(entry, format=FORMAT + 1))[0])
    assert f"entry 600 is of format {FORMAT + 1}" in run(store, "--all").stderr
