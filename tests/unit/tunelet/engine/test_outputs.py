"""The output of attempts is in the store once their runs are gone, and never in an end's way."""

import errno
import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere
from tests.faults.training import ScriptedLauncher
from tests.unit.functions.conftest import SMALLEST
from tunelet.assembly import assembled
from tunelet.core.run import Run
from tunelet.core.trial import Outcome, TrialState, Verdict
from tunelet.engine.cleaning import WATCHED
from tunelet.errors import NotFound, Retry
from tunelet.log.purge import PURGE_AFTER
from tunelet.service import Service

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
OUTPUTS = "v1/default/digits/trials/"


class Store(MemoryStore):
    """Refuses to create outputs while `full`."""

    full = False

    def create(self, key: str, data: bytes) -> bool:
        if self.full and ".output/" in key:
            raise Retry("the bucket is full")
        return super().create(key, data)


class Launcher(ScriptedLauncher):
    """Runs have no output any more once `gone`, and lose it when stopped if `forgets`.

    While `unreadable`, the disk does not give it.
    """

    gone = forgets = unreadable = False

    @property
    def stop_removes_output(self) -> bool:
        return self.forgets

    def stop(self, run: Run) -> None:
        super().stop(run)
        if self.forgets:
            self.saved(run)

    def logs(self, run: Run) -> Iterator[bytes]:
        if self.unreadable:
            raise OSError(errno.EIO, "Input/output error")
        if self.gone or (self.forgets and run not in self.running()):
            raise NotFound("the pod is gone")
        return super().logs(run)


class Place:
    """A service over a store and a launcher, and a clock that a test moves."""

    def __init__(self, **fields: Any) -> None:
        self.store, self.launcher, self.now = Store(), Launcher(), 1000.0
        self.service = self.opened(**fields)

    def opened(self, output_bytes: int = 1 << 20, launcher: Launcher | None = None) -> Service:
        return assembled(
            self.store,
            launcher or self.launcher,
            load_catalog(),
            Nowhere(),
            secret=b"0123456789abcdef",
            api_url="http://127.0.0.1:8080",
            clock=lambda: self.now,
            output_bytes=output_bytes,
        )

    def begin(self, **fields: Any) -> None:
        request = {**SMALLEST, "name": "digits", "hyperparameters": SPACE, "max_trials": 1}
        self.service.submit(request | fields)
        self.service.suggest("default", "digits")
        self.service.launch("default", "digits")

    def train(self) -> None:
        while self.launcher.running():
            self.launcher.tick()

    def run(self, number: int = 0) -> Run:
        return Run("default", "digits", self.service.experiment("default", "digits").uid, number, 1)

    def stored(self) -> list[str]:
        return [key for key in self.store.list(OUTPUTS) if ".output/" in key]

    def logs(self, *which: int) -> bytes:
        self.launcher.gone = True
        return b"".join(self.service.files.logs("default", "digits", *which))


@pytest.fixture
def place() -> Place:
    return Place()


def test_output_can_be_read_when_the_run_is_gone_by_any_service_over_the_store(
    place: Place,
) -> None:
    place.begin()
    place.train()
    place.service.collect("default", "digits")
    assert place.logs(0) == b"trial 0, attempt 1\n"
    later = place.opened(launcher=Launcher())
    later._launcher.gone = True  # type: ignore[attr-defined]
    assert b"".join(later.files.logs("default", "digits", 0, 1)) == b"trial 0, attempt 1\n"
    with pytest.raises(NotFound):
        later.files.logs("default", "digits", 0, 2)


def test_each_attempt_has_its_output(place: Place) -> None:
    place.begin(max_trials=2)
    for _ in range(2):
        place.train()
        place.service.collect("default", "digits")
        place.service.launch("default", "digits")
    assert place.logs(1, 1) == b"trial 1, attempt 1\n"
    assert place.logs(1, 2) == b"trial 1, attempt 2\n"
    assert place.logs(1) == b"trial 1, attempt 2\n"


def test_a_fault_while_output_is_stored_loses_no_end_and_the_sweep_stores_it(place: Place) -> None:
    place.begin()
    place.train()
    place.store.full = True
    place.service.collect("default", "digits")
    assert place.service.trial("default", "digits", 0).state is TrialState.COMPLETE
    assert place.stored() == []
    place.now += WATCHED
    place.service.sweep()
    place.store.full = False
    place.service.sweep()
    assert len(place.stored()) == 1
    place.service.sweep()
    assert list(place.store.list("live/")) == []


def test_output_that_the_disk_does_not_give_holds_up_no_step(place: Place) -> None:
    place.begin(keep_checkpoints=0)
    place.train()
    place.launcher.unreadable = True
    place.service.collect("default", "digits")
    assert place.service.trial("default", "digits", 0).state is TrialState.COMPLETE
    place.now += WATCHED
    place.service.sweep()
    assert [key for key in place.store.list(OUTPUTS) if key.endswith("checkpoints.json")]
    place.launcher.unreadable = False
    place.service.sweep()
    assert len(place.stored()) == 1


def test_the_first_output_of_an_attempt_counts(place: Place) -> None:
    place.begin()
    key = f"{OUTPUTS}{place.run().uid}/0.output/1.gz"
    place.store.create(key, gzip.compress(b"before\n"))
    place.train()
    place.service.collect("default", "digits")
    assert place.logs(0) == b"before\n"


def test_the_output_of_a_run_that_reported_its_end_is_stored_by_the_sweep(place: Place) -> None:
    place.begin()
    place.service.attempts.finish(place.run(), Outcome(Verdict.COMPLETE, {"objective": 1.0}))
    place.service.sweep()
    assert place.stored() == []
    place.train()
    place.service.sweep()
    assert place.logs(0) == b"trial 0, attempt 1\n"


@pytest.mark.parametrize("forgets", [False, True])
def test_the_output_of_a_stopped_run_is_stored(place: Place, forgets: bool) -> None:
    place.launcher.forgets = forgets
    place.begin()
    place.service.stop("default", "digits")
    place.service.launch("default", "digits")
    place.service.sweep()
    assert place.logs(0) == b"trial 0, attempt 1\n"


def test_a_request_may_ask_that_no_output_is_stored(place: Place) -> None:
    place.begin(keep_output=False)
    place.train()
    place.service.collect("default", "digits")
    place.service.sweep()
    assert place.stored() == []
    assert list(place.launcher.unsaved("default", "digits")) == []


def test_a_service_may_store_no_output() -> None:
    place = Place(output_bytes=0)
    place.begin()
    place.train()
    place.service.collect("default", "digits")
    assert place.stored() == []


def test_purging_an_experiment_removes_its_output(place: Place) -> None:
    place.begin()
    place.train()
    place.service.collect("default", "digits")
    assert len(place.stored()) == 1
    place.service.delete("default", "digits")
    place.now += PURGE_AFTER
    place.service.sweep()
    assert place.stored() == []


def test_the_output_of_a_deleted_experiment_is_not_stored(place: Place) -> None:
    place.begin()
    place.service.delete("default", "digits")
    place.train()
    place.service.launch("default", "digits")
    place.service.sweep()
    assert place.stored() == []
