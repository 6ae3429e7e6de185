"""Logs of older versions are read with their meaning."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from functions.api.documents import experiment_json, trial_json
from tunelet.core import commands as c
from tunelet.log.compaction import WINDOW
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.log.verify import verify

LOGS = Path(__file__).resolve().parents[3] / "logs"

CUT_OFF = "cut_off_as_failures.json"
"""A stop cut off trials 2 and 3, and a later one, after the snapshot, trial 4: each was written as
FAIL with `cancelled`. Trial 0 completed, and trial 1 failed."""

BEFORE_THE_LAYERS = "before_the_layers.json"
"""All objects of an experiment whose trials completed, were pruned, failed, were lost, cut off and
enqueued, and which was paused, extended, stopped and resumed; and what the API showed of it. Both
were written by the code before its modules were moved into layers."""


def without_newer_members(document: dict[str, Any]) -> dict[str, Any]:
    """The document without members that the code of then did not show."""
    assert not document.pop("attributes", None)
    assert document.pop("note", None) is None
    assert document.pop("retry_of", None) is None
    assert not document.pop("imported", False)
    document.pop("revision", None)
    return document


def store_of(log: str) -> MemoryStore:
    return store_with(json.loads((LOGS / log).read_text()))


def store_with(objects: dict[str, str]) -> MemoryStore:
    store = MemoryStore()
    for key, text in objects.items():
        store.put(key, text.encode())
    return store


@pytest.mark.parametrize("derived", [True, False], ids=["with snapshots", "entries alone"])
def test_a_log_from_before_the_layers_shows_the_same_as_then(derived: bool) -> None:
    log = json.loads((LOGS / BEFORE_THE_LAYERS).read_text())
    kept = {k: v for k, v in log["objects"].items() if derived or "/journal/" in k}
    assert (len(kept) < len(log["objects"])) is not derived
    store = store_with(kept)
    shown = experiment_json(Journals(store).read("default", "e"))
    trials = [trial_json(trial) for trial in Journals(store).trials("default", "e")]
    now = json.loads(json.dumps([shown, trials]), object_hook=without_newer_members)
    assert now == [log["experiment"], log["trials"]]
    assert {trial["state"] for trial in trials} >= {"COMPLETE", "PRUNED", "FAIL", "STOPPED"}


@pytest.fixture(params=["with the snapshot", "from the first entry on"])
def store(request: pytest.FixtureRequest) -> MemoryStore:
    store = store_of(CUT_OFF)
    if request.param == "from the first entry on":
        for kind in ("snapshots", "segments"):
            for key in list(store.list(f"v1/default/e/{kind}/")):
                store.delete(key)
    return store


def test_cancelled_trials_of_older_logs_are_stopped(store: MemoryStore) -> None:
    trials = list(Journals(store).trials("default", "e"))
    assert [trial.state.value for trial in trials] == [
        *("COMPLETE", "FAIL", "STOPPED", "STOPPED", "STOPPED")
    ]
    assert trials[2].reason == "cancelled: the experiment ended (stopped)"
    assert trials[2].values == {"objective": 5.0}


def test_they_are_counted_as_stopped(store: MemoryStore) -> None:
    experiment = Journals(store).read("default", "e")
    assert (experiment.counts["failed"], experiment.counts["stopped"]) == (1, 3)
    assert [trial.number for trial in experiment.best] == [0]


def test_the_snapshot_is_read_and_not_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """Folding a long log again in every process would take minutes."""
    store = store_of(CUT_OFF)
    for seq in range(1, WINDOW + 1):
        store.delete(f"v1/default/e/journal/{seq:020d}.json")
    experiment = Journal(store, "default", "e").read()
    assert experiment.counts["stopped"] == 3
    assert not caplog.records


def test_snapshot_and_segment_are_found_right(caplog: pytest.LogCaptureFixture) -> None:
    assert verify(store_of(CUT_OFF), "default", "e").findings == ()


def test_a_segment_with_other_contents_is_still_found_wrong() -> None:
    store = store_of(CUT_OFF)
    (key,) = store.list("v1/default/e/segments/")
    stored = store.get(key)
    assert stored is not None
    store.put(key, stored.data.replace(b'"cancelled":true', b'"exit_code":9'))
    assert [finding.key for finding in verify(store, "default", "e").findings] == [key]


def test_the_failures_that_were_none_do_not_count_once_it_is_resumed(store: MemoryStore) -> None:
    """max_failed_trials is 2, and 1 trial failed."""
    journal = Journal(store, "default", "e")
    resumed = journal.commit(c.Resume(journal.read().epoch))
    assert resumed.state == "RUNNING"
