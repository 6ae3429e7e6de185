"""Which checkpoints of ended trials are kept, and that a removal survives any crash."""

import contextlib
from typing import Any, cast

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere
from tests.faults.training import ScriptedLauncher, place
from tests.faults.world import Crash, Fallible, Fault, Faults
from tests.unit.functions.conftest import SMALLEST
from tunelet.assembly import assembled
from tunelet.core.run import Launch, Run
from tunelet.core.trial import Number, Outcome, Verdict
from tunelet.engine.checkpoints import Checkpoints
from tunelet.engine.retention import SETTLED
from tunelet.errors import Retry
from tunelet.log.purge import PURGE_AFTER
from tunelet.ports import Store

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
NAMED = ("default", "digits")


class Saving(ScriptedLauncher):
    """Every run saves two files of a checkpoint as it begins."""

    stubborn = False
    """Whether they do not end when they are stopped."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self._store = store

    def stop(self, run: Run) -> None:
        if not self.stubborn:
            super().stop(run)

    def launch(self, launch: Launch) -> None:
        super().launch(launch)
        for name in ("epoch", "weights/0"):
            self._store.put(f"{place(launch)}/{name}", b"1")


class Search:
    """A search with given trials and their x as losses, over a store that may fail."""

    def __init__(self, xs: list[float], **fields: Any) -> None:
        self.store, self.now = MemoryStore(), 1000.0
        self.launcher = Saving(self.store)
        self.faults = Faults({})
        space = [{"x": x} for x in xs]
        request = {**SMALLEST, "name": "digits", "hyperparameters": SPACE, "enqueue": space}
        count = {"max_trials": len(xs), "parallel_trials": len(xs)}
        self.service = self.opened()
        self.uid = self.service.submit(request | count | fields).uid
        self.step()

    def opened(self) -> Any:
        return assembled(
            cast(Store, Fallible(self.store, self.faults)),
            self.launcher,
            load_catalog(),
            Nowhere(),
            secret=b"0123456789abcdef",
            api_url="http://127.0.0.1:8080",
            clock=lambda: self.now,
        )

    def step(self) -> None:
        self.service.suggest(*NAMED)
        self.service.launch(*NAMED)

    def end(
        self, *numbers: int, verdict: Verdict = Verdict.COMPLETE, value: Number | None = None
    ) -> None:
        """End these trials, and their runs; the objective is `value`, or else their x."""
        for number in numbers:
            x = cast(float, self.service.trial(*NAMED, number).hyperparameters["x"])
            values = {"objective": x if value is None else value, "other": 1 - x}
            run = Run(*NAMED, self.uid, number, 1)
            self.service.attempts.finish(run, Outcome(verdict, values, reason=f"end {number}"))
            self.launcher.stop(run)

    def sweep(self, seconds: float = SETTLED) -> None:
        self.now += seconds
        self.service.sweep()

    def saved(self) -> set[int]:
        """The trials with any file of a checkpoint."""
        keys = self.store.list(f"v1/default/digits/trials/{self.uid}/")
        names = [key.split("/")[5] for key in keys]
        return {int(name.partition("-")[0]) for name in names if name.partition("-")[0].isdigit()}


def test_all_checkpoints_are_kept_by_default() -> None:
    search = Search([0.3, 0.1])
    search.end(0, 1)
    search.sweep()
    assert search.saved() == {0, 1}
    assert not [key for key in search.store.list("v1/") if key.endswith("checkpoints.json")]


def test_the_checkpoints_of_the_best_are_kept_also_when_better_ones_come() -> None:
    search = Search([0.5, 0.3, 0.4, 0.1, 0.2], keep_checkpoints=2)
    search.end(0, 1, 2)
    search.sweep()
    assert search.saved() == {1, 2, 3, 4}
    search.end(3)
    search.sweep()
    assert search.saved() == {1, 3, 4}
    search.end(4)
    search.sweep()
    assert search.saved() == {3, 4}
    search.sweep()
    assert list(search.store.list("live/")) == []


def test_no_checkpoint_is_kept_if_none_is_requested() -> None:
    search = Search([0.5, 0.3], keep_checkpoints=0)
    search.end(0)
    search.sweep()
    assert search.saved() == {1}


def test_a_failed_trial_is_not_among_the_best() -> None:
    search = Search([0.1, 0.3, 0.5], keep_checkpoints=2, max_failed_trials=None)
    search.end(0, verdict=Verdict.FAIL)
    search.end(1)
    search.sweep()
    assert search.saved() == {1, 2}


def test_the_direction_counts() -> None:
    objective = {"metric": "objective", "direction": "maximize"}
    search = Search([0.1, 0.3, 0.5], keep_checkpoints=1, objective=objective)
    search.end(0, 1, 2)
    search.sweep()
    assert search.saved() == {2}


def test_infinite_losses_are_kept_and_removed_like_others() -> None:
    search = Search([0.1, 0.3, 0.5], keep_checkpoints=1)
    search.end(0, value="Infinity")
    search.sweep()
    assert search.saved() == {0, 1, 2}
    search.end(1)
    search.sweep()
    assert search.saved() == {1, 2}
    search.end(2, value="-Infinity")
    search.sweep()
    assert search.saved() == {2}
    search.sweep()
    assert list(search.store.list("live/")) == []


def test_the_front_of_several_objectives_is_kept() -> None:
    objectives = [{"metric": "objective"}, {"metric": "other"}]
    search = Search([0.1, 0.3], keep_checkpoints=1, objectives=objectives)
    search.end(0, 1)
    search.sweep()
    assert search.saved() == {0, 1}


def test_a_run_that_still_saves_keeps_its_checkpoint() -> None:
    search = Search([0.5, 0.3], keep_checkpoints=0)
    run = Run(*NAMED, search.uid, 0, 1)
    search.service.attempts.finish(run, Outcome(Verdict.COMPLETE, {"objective": 0.5}))
    search.sweep(SETTLED / 2)
    assert search.saved() == {0, 1}
    search.launcher.stop(run)
    search.sweep(SETTLED / 4)
    assert search.saved() == {0, 1}
    search.sweep(SETTLED / 4)
    assert search.saved() == {1}


def test_a_run_that_does_not_end_keeps_its_checkpoint() -> None:
    search = Search([0.5, 0.3], keep_checkpoints=0)
    search.launcher.stubborn = True
    search.end(0)
    search.sweep()
    assert search.saved() == {0, 1}


@pytest.mark.parametrize("algorithm", ["pbt", {"name": "asha", "settings": {}}])
def test_nothing_is_removed_before_the_end_if_trials_inherit_checkpoints(algorithm: Any) -> None:
    search = Search([0.5, 0.3, 0.4], keep_checkpoints=1, hpo_algorithm=algorithm)
    search.end(0, 1)
    search.sweep()
    assert search.saved() == {0, 1, 2}
    search.end(2)
    search.sweep()
    assert search.saved() == {1}


def test_a_copy_from_a_checkpoint_that_is_being_removed_is_thrown_away() -> None:
    search = Search([0.5, 0.3], keep_checkpoints=1)
    search.end(0)

    class Slow(MemoryStore):
        """The parent's checkpoint is removed while it is copied."""

        def copy(self, key: str, to: str) -> bool:
            copied = search.store.copy(key, to)
            search.end(1)
            search.sweep()
            return copied

        def __getattribute__(self, name: str) -> Any:
            own = name in ("copy", "url")
            return object.__getattribute__(self if own else search.store, name)

    child = Run(*NAMED, search.uid, 7, 1)
    url = Checkpoints(Slow()).url(child, 0)
    assert search.saved() == {1}
    assert not list(search.store.list("v1/" + url.partition("/v1/")[2]))


def test_a_removal_that_dies_at_any_call_is_completed() -> None:
    for fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.REFUSE, Fault.LOSE_ANSWER):
        number = 0
        while _removed_after(fault, number):
            number += 1
        assert number > 10


def _removed_after(fault: Fault, number: int) -> bool:
    """Whether a sweep made a call of this number, which fails so."""
    search = Search([0.5, 0.3, 0.4], keep_checkpoints=1)
    search.end(0, 1, 2)
    search.faults = Faults({number: fault})
    search.service = search.opened()
    with contextlib.suppress(Crash, Retry):
        search.sweep()
    met = len(search.faults.calls) > number
    search.faults = Faults({})
    search.service = search.opened()
    for _ in range(3):
        search.sweep()
    assert search.saved() == {1}, (fault, number)
    return met


def test_a_deleted_experiment_leaves_no_decisions() -> None:
    search = Search([0.5, 0.3], keep_checkpoints=1)
    search.end(0)
    search.sweep()
    search.service.delete(*NAMED)
    search.service.launch(*NAMED)
    search.sweep(PURGE_AFTER)
    search.sweep()
    assert not list(search.store.list("v1/default/digits/trials/"))


def test_an_infinite_loss_that_an_older_version_wrote_as_null_is_read() -> None:
    search = Search([0.1, 0.3], keep_checkpoints=1)
    decided = b'{"next":1,"kept":{"0":null}}'
    search.store.put(f"v1/default/digits/trials/{search.uid}/checkpoints.json", decided)
    search.end(0, 1)
    search.sweep()
    assert search.saved() == {1}
