"""The log has each acknowledged command once, for every reader and after any loss."""

import math
import threading
import time
from typing import Any

import pytest

from adapters.storage.files import FileStore
from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import Outcome, Report, TrialState, Verdict
from tunelet.errors import CommitUnknown, Conflict, NotFound, Reject, Retry
from tunelet.log.journal import Journal
from tunelet.log.purge import PURGE_AFTER
from tunelet.log.tail import FRESH
from tunelet.ports import Store, Stored


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Any) -> Store:
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path)


def journal(store: Store) -> Journal:
    return Journal(store, "default", "e")


def much_later(store: Store) -> Journal:
    """When no writer can be left that knew the log before it was deleted."""
    return Journal(store, "default", "e", clock=lambda: time.time() + 2 * PURGE_AFTER)


def run(log: Journal, trials: int) -> None:
    """Trials one after the other, each with a report."""
    first = log.read().next_number
    for n in range(first, first + trials):
        log.commit(c.AddTrials(n, ({"x": n},)))
        log.commit(c.Start(n, 1))
        outcome = Outcome(Verdict.COMPLETE, {"objective": float(n)})
        log.commit(c.Finish(n, 1, outcome, (Report(1, {"objective": 0.5}),)))


def test_another_process_reads_committed_entries(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    run(log, 5)
    assert journal(store).read() == log.read()
    assert log.read().ended.complete == 5


def test_a_state_is_the_same_from_snapshots_as_from_the_bare_log(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    run(log, 100)
    derived = [k for k in store.list("v1/") if "/journal/" not in k]
    before = {k: store.get(k).data for k in derived}  # type: ignore[union-attr]
    trials = list(log.history()[1])
    state = log.read()
    for key in derived:
        store.delete(key)
    bare = journal(store)
    assert bare.read() == state
    assert list(bare.history()[1]) == trials
    assert [t.number for t in trials] == sorted(t.number for t in trials)
    run(bare, 30)
    after = {k: store.get(k).data for k in store.list("v1/") if "/journal/" not in k}  # type: ignore[union-attr]
    segments = {k for k in before if "/segments/" in k}
    assert segments <= after.keys()
    assert all(before[k] == after[k] for k in before.keys() & after.keys())


def test_the_state_stays_small_while_trials_grow(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    run(log, 60)
    live = len(log.read().trials)
    run(log, 60)
    assert len(log.read().trials) <= live + 25
    everything = [*log.history()[1], *log.read().trials.values()]
    assert sorted(t.number for t in everything) == list(range(120))


def test_threads_share_entries_and_lose_nothing(store: Store) -> None:
    log, other = journal(store), journal(store)
    log.commit(c.Submit("u", SPEC))
    log.commit(c.AddTrials(0, ({"x": 0},)))

    def report(which: Journal, steps: range) -> None:
        for step in steps:
            which.commit(c.Record(0, 1, (Report(step, {"objective": 1.0 * step}),)))

    threads = [
        threading.Thread(target=report, args=((log, other)[i % 2], range(i * 10, i * 10 + 10)))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.step for r in journal(store).read().trials[0].reports] == list(range(80))


def test_the_budget_holds_when_two_suggest_at_once(store: Store) -> None:
    one, two = journal(store), journal(store)
    one.commit(c.Submit("u", SPEC | {"max_trials": 3}))
    two.read()
    one.commit(c.AddTrials(0, ({"x": 1}, {"x": 2})))
    after = two.commit(c.AddTrials(0, ({"x": 3}, {"x": 4})))
    assert after.next_number == 2
    assert two.commit(c.AddTrials(2, ({"x": 3}, {"x": 4}))).next_number == 3


def test_no_command_of_a_group_is_committed_if_one_is_refused(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    with pytest.raises(NotFound):
        log.commit(c.Pause(), c.Start(99, 1))
    assert log.read().state is ExperimentState.RUNNING


def test_a_command_that_an_old_state_refuses_is_decided_on_the_newest(store: Store) -> None:
    one, two = journal(store), journal(store)
    one.commit(c.Submit("u", SPEC | {"max_trials": 1}))
    two.commit(c.Extend({"max_trials": 5}))
    trials = tuple({"x": n} for n in range(3))
    assert one.commit(c.Pause(), c.Enqueue(trials)).next_number == 3


def test_a_command_that_an_old_state_has_already_is_decided_on_the_newest(store: Store) -> None:
    one, two = journal(store), journal(store)
    one.commit(c.Submit("u", SPEC))
    two.commit(c.Pause())
    one.commit(c.Resume())
    assert journal(store).read().state is ExperimentState.RUNNING


class _Expiring(MemoryStore):
    """Once `armed`, the next entry is written, its answer is lost, and the credentials expire."""

    armed = expired = False

    def create(self, key: str, data: bytes) -> bool:
        self._checked()
        created = super().create(key, data)
        if self.armed:
            self.expired = True
            raise Retry("the answer was lost")
        return created

    def get(self, key: str) -> Stored | None:
        self._checked()
        return super().get(key)

    def _checked(self) -> None:
        if self.expired:
            raise Reject("the credentials have expired")


def impatient(store: Store, **options: Any) -> Journal:
    return Journal(store, "default", "e", deadline=0.05, **options)


def test_credentials_that_expire_over_a_doubt_leave_it_a_doubt() -> None:
    store = _Expiring()
    log = impatient(store)
    log.commit(c.Submit("u", SPEC))
    store.armed = True
    with pytest.raises(CommitUnknown):
        log.commit(c.Pause())
    store.armed = store.expired = False
    assert log.read().state is ExperimentState.PAUSED


def test_a_write_that_the_store_refuses_is_refused() -> None:
    store = _Expiring()
    log = impatient(store)
    log.commit(c.Submit("u", SPEC))
    store.expired = True
    with pytest.raises(Reject):
        log.commit(c.Pause())
    store.expired = False
    assert log.read().state is ExperimentState.RUNNING


def test_a_committed_entry_is_not_reported_as_refused() -> None:
    """The look at the mark of a purge, which comes after it, is."""
    store = _Mute()
    now = 0.0
    log = impatient(store, clock=lambda: now)
    log.commit(c.Submit("u", SPEC))
    now += FRESH
    store.mute = True
    with pytest.raises(CommitUnknown):
        log.commit(c.Pause())
    store.mute = False
    assert log.read().state is ExperimentState.PAUSED


class _Mute(MemoryStore):
    """Lets write but not read."""

    mute = False

    def get(self, key: str) -> Stored | None:
        if self.mute:
            raise Reject("the right to read is missing")
        return super().get(key)


def test_an_error_of_one_caller_does_not_hurt_the_others(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    with pytest.raises(NotFound):
        log.commit(c.Record(7, 1, ()))
    with pytest.raises(Conflict):
        log.commit(c.Submit("v", SPEC))
    assert log.read().state == "RUNNING"


def test_a_deleted_experiment_leaves_a_tombstone_and_its_name_can_be_used_again(
    store: Store,
) -> None:
    log, stalled = journal(store), journal(store)
    log.commit(c.Submit("u", SPEC))
    run(log, 30)
    stalled.read()
    assert log.commit(c.Delete()).state is ExperimentState.DELETED
    entries = len(list(store.list("v1/default/e/journal/")))
    assert not log.purge()
    assert much_later(store).purge()
    assert [key.partition("/e/")[2] for key in store.list("v1/default/e/")] == [
        f"journal/{entries:020d}.json",
        "journal/purged",
    ]
    with pytest.raises(NotFound):
        stalled.commit(c.AddTrials(30, ({"x": 1},)))
    again = journal(store)
    with pytest.raises(NotFound):
        again.read()
    assert again.commit(c.Submit("w", SPEC)).uid == "w"
    run(again, 80)
    assert journal(store).read().ended.complete == 80
    assert [t.number for t in journal(store).history()[1]] == [t.number for t in again.history()[1]]


def test_the_objects_of_a_deleted_life_are_removed_while_the_next_one_continues(
    store: Store,
) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    run(log, 50)
    store.put("v1/default/e/trials/u/0/checkpoint", b"old")
    log.commit(c.Delete(), c.Submit("w", SPEC))
    run(log, 50)
    store.put("v1/default/e/trials/w/0/checkpoint", b"new")
    before = log.read(), list(log.history()[1])
    assert much_later(store).purge()
    assert list(store.list("v1/default/e/trials/")) == ["v1/default/e/trials/w/0/checkpoint"]
    for key in list(store.list("v1/default/e/snapshots/")):
        store.delete(key)
    again = journal(store)
    assert (again.read(), list(again.history()[1])) == before
    run(again, 1)
    assert again.read().ended.complete == 51


def test_a_lost_attempt_is_tried_again_and_keeps_its_reports(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    log.commit(c.AddTrials(0, ({"x": 1},)))
    log.commit(c.Record(0, 1, (Report(1, {"objective": 3.0}),)))
    trial = log.commit(c.Finish(0, 1, Outcome(Verdict.LOST, reason="node gone"))).trials[0]
    assert (trial.attempt, trial.state, trial.reserved) == (2, TrialState.WAITING, True)
    assert trial.reports[0].values == {"objective": 3.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_json_does_not_know_can_be_read_again(store: Store, value: float) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    log.commit(c.AddTrials(0, ({"x": 1},)))
    log.commit(c.Record(0, 1, (Report(1, {"objective": value}),)))
    log.commit(c.Finish(0, 1, Outcome(Verdict.COMPLETE, {"objective": value})))
    assert journal(store).read() == log.read()


def test_an_unreadable_entry_is_not_written(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    with pytest.raises(ValueError, match="cannot stand in a log"):
        log.commit(c.AddTrials(0, ({"x": [1]},)))  # type: ignore[dict-item]
    assert log.commit(c.AddTrials(0, ({"x": 1},))).next_number == 1
    assert journal(store).read() == log.read()


def test_an_algorithms_memory_is_at_once_in_the_form_that_others_read(store: Store) -> None:
    log = journal(store)
    log.commit(c.Submit("u", SPEC))
    after = log.commit(c.AddTrials(0, ({"x": 1},), memory={"seen": (1, 2)}))
    assert after.memory == journal(store).read().memory == {"seen": [1, 2]}
