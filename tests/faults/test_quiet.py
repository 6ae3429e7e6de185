"""Notes of quiet experiments, which one process leaves for the next, never lose work."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from tests.faults.training import ScriptedLauncher
from tests.faults.world import Crash, Fallible, Fault, Faults, distinct
from tests.unit.functions.conftest import SMALLEST
from tunelet.assembly import assembled
from tunelet.core import commands
from tunelet.core.installation import Installation
from tunelet.core.run import Launch
from tunelet.core.signal import Signal
from tunelet.engine.idle import CHECK_SHARE, CHECKS, LONGEST, LOOKS
from tunelet.errors import Retry, Throttled
from tunelet.log.journal import Journal
from tunelet.ports import Launcher, Store, Stored
from tunelet.service import Service

REQUEST = {**SMALLEST, "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}}}
NOTES = "installations/here.quiet"
SWEEP_SECONDS = 60.0
AT_ONCE = 1.0
"""Too soon after a sweep for the next one to read the ends of logs."""
QUIET = LOOKS + 5
"""The number of sweeps after which the next one skips an experiment."""


class NoPublisher:
    """Loses every signal."""

    def publish(self, signal: Signal) -> None:
        """Lose it."""


class Full(ScriptedLauncher):
    """Has room at the test's command."""

    room = False

    def launch(self, launch: Launch) -> None:
        if not self.room:
            raise Throttled("no room")
        super().launch(launch)


class Counted(MemoryStore):
    """Counts what a sweep reads of logs, and calls `between` before its read number `at`."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.at: int | None = None
        self.between: Callable[[], object] = lambda: None
        self.fails: str | None = None
        """The next read of a key with this text fails."""

    def get(self, key: str) -> Stored | None:
        self._called()
        if self.fails is not None and self.fails in key:
            self.fails = None
            raise Retry("the store does not answer")
        return super().get(key)

    def put(self, key: str, data: bytes) -> None:
        self._called()
        super().put(key, data)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self._called()
        self.loads += prefix.endswith("/snapshots/")
        return super().list(prefix, after, limit)

    def _called(self) -> None:
        if self.at is not None:
            self.at -= 1
            if self.at < 0:
                self.at = None
                self.between()


class Schedule:
    """Sweeps each minute, each time by a new process, and no signal arrives."""

    def __init__(self) -> None:
        self.store, self.launcher, self.now = Counted(), Full(), 1000.0

    def copy(self) -> "Schedule":
        """Return a schedule over a copy of the store, in which nothing has run."""
        copy = Schedule()
        for key in self.store.list(""):
            stored = self.store.get(key)
            assert stored is not None
            copy.store.put(key, stored.data)
        copy.now, copy.launcher.room = self.now, self.launcher.room
        return copy

    def process(self, faults: Faults | None = None) -> Service:
        faults = faults or Faults({})
        return assembled(
            cast(Store, Fallible(self.store, faults)),
            cast(Launcher, Fallible(self.launcher, faults)),
            load_catalog(),
            NoPublisher(),
            secret=bytes(16),
            api_url="http://127.0.0.1:1",
            installation=Installation("here"),
            clock=lambda: self.now,
            sleep=lambda seconds: None,
        )

    def submitted(self, name: str, **fields: Any) -> None:
        self.process().submit({**REQUEST, "name": name, **fields})

    def sweeps(
        self, times: int = 1, faults: Faults | None = None, after: float = SWEEP_SECONDS
    ) -> int:
        """Sweep; returns how many logs were loaded by the last sweep."""
        for _ in range(times):
            self.now += after
            self.store.loads = 0
            with suppress(Crash, Retry):
                self.process(faults).sweep()
        return self.store.loads

    def paused(self, *names: str) -> None:
        """Submit experiments that are paused, and sweep until they are quiet."""
        for name in names:
            self.submitted(name, parallel_trials=2, max_trials=2)
            self.process().pause("default", name)
        self.sweeps(QUIET)
        self.launcher.room = True

    def started(self) -> int:
        return len(self.launcher.launches)


def resume(schedule: Schedule, faults: Faults | None = None) -> None:
    schedule.process(faults).resume("default", "e")


@pytest.fixture
def schedule() -> Schedule:
    return Schedule()


def test_a_new_process_loads_no_log_in_which_the_last_ones_found_nothing(
    schedule: Schedule,
) -> None:
    schedule.paused(*(f"e{number}" for number in range(20)))
    loads = [schedule.sweeps() for _ in range(20)]
    assert sum(loads) <= 20 * 4
    assert min(loads) == 0


@pytest.mark.parametrize("fault", Fault)
def test_a_resume_that_dies_at_any_call_is_found_by_the_next_sweep(fault: Fault) -> None:
    quiet, calls = Schedule(), Faults({})
    quiet.paused("e")
    resume(quiet.copy(), calls)
    for number in distinct(fault, calls.calls):
        schedule = quiet.copy()
        try:
            resume(schedule, Faults({number: fault}))
        except (Crash, Retry):
            resumed = schedule.process().experiment("default", "e").state == "RUNNING"
        else:
            resumed = True
        schedule.sweeps(after=AT_ONCE)
        assert schedule.started() == (2 if resumed else 0), (number, calls.calls[number])


@pytest.mark.parametrize("fault", Fault)
def test_a_sweep_that_dies_at_any_call_leaves_no_note_that_hides_work(fault: Fault) -> None:
    resumed, calls = Schedule(), Faults({})
    resumed.paused("e")
    resume(resumed)
    resumed.copy().sweeps(1, calls)
    for number in distinct(fault, calls.calls):
        schedule = resumed.copy()
        schedule.sweeps(1, Faults({number: fault}))
        schedule.sweeps()
        assert schedule.started() == 2, (number, calls.calls[number])
        for _ in range(8):
            schedule.launcher.tick()
            schedule.sweeps()
        assert not schedule.launcher.running()
        assert schedule.process().experiment("default", "e").over


def test_an_entry_without_signal_or_marker_is_found_within_the_bound(schedule: Schedule) -> None:
    names = [f"e{number}" for number in range(CHECKS + CHECKS // 2)]
    schedule.paused(*names)
    for _ in range(5):
        schedule.sweeps(after=LONGEST)
    for name in names[::10]:
        resume_unmarked(schedule, name)
    assert schedule.sweeps(CHECK_SHARE) < len(names) / 5
    assert schedule.started() == 2 * len(names[::10])


def resume_unmarked(schedule: Schedule, name: str) -> None:
    log = Journal(schedule.store, "default", name, clock=lambda: schedule.now)
    log.commit(commands.Resume())


def test_a_log_that_cannot_be_read_for_a_moment_is_looked_at(schedule: Schedule) -> None:
    schedule.paused("e")
    resume_unmarked(schedule, "e")
    schedule.store.fails = "/journal/"
    schedule.sweeps()
    assert schedule.started() == 2


def test_a_run_that_the_log_does_not_know_of_is_found_by_the_next_sweep() -> None:
    calls = Faults({})
    waiting().process(calls).launch("default", "e")
    schedule = waiting()
    dying = Faults({calls.calls.index("launch"): Fault.CRASH_AFTER})
    with pytest.raises(Crash):
        schedule.process(dying).launch("default", "e")
    assert schedule.launcher.running()
    schedule.sweeps(after=AT_ONCE)
    assert schedule.process().experiment("default", "e").counts["running"] == 2


def waiting() -> Schedule:
    """An experiment has waited for room, which is there now."""
    schedule = Schedule()
    schedule.submitted("e", parallel_trials=2, max_trials=2)
    schedule.sweeps(QUIET)
    schedule.launcher.room = True
    return schedule


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"[]",
        b'{"format":1,"notes":{"default/e":[1,2]}}',
        b'{"format":2,"notes":{"default/e":{"new":"form"}}}',
        b'{"format":1,"notes":{"no-slash":[[],9,9,9e9,false,false,9e9,9e9]}}',
    ],
)
def test_notes_that_cannot_be_used_are_as_none(
    schedule: Schedule, stored: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    schedule.paused("e")
    schedule.store.put(NOTES, stored)
    assert schedule.sweeps() == 1
    assert "ERROR" not in {record.levelname for record in caplog.records}
    schedule.sweeps(LOOKS + 1)
    assert min(schedule.sweeps() for _ in range(5)) == 0


def test_notes_of_a_newer_form_are_as_none(schedule: Schedule) -> None:
    schedule.paused("e")
    stored = schedule.store.get(NOTES)
    assert stored is not None
    schedule.store.put(NOTES, stored.data.replace(b'"format":1', b'"format":2'))
    assert schedule.sweeps() == 1


@pytest.mark.parametrize("ahead", [-86_400.0, 86_400.0])
def test_notes_by_a_wrong_clock_do_not_outlast_their_time(schedule: Schedule, ahead: float) -> None:
    schedule.now += ahead
    schedule.paused("e")
    schedule.now -= ahead
    schedule.submitted("other")
    assert max(schedule.sweeps() for _ in range(2)) >= 2


def resumed_elsewhere(schedule: Schedule) -> None:
    resume(schedule)


def swept_elsewhere(schedule: Schedule) -> None:
    schedule.process().sweep()


def resumed_and_swept(schedule: Schedule) -> None:
    resume(schedule)
    schedule.process().sweep()


def replaced(schedule: Schedule) -> None:
    schedule.process().delete("default", "e")
    schedule.submitted("e", parallel_trials=2, max_trials=2)


@pytest.mark.parametrize("between", [resumed_elsewhere, resumed_and_swept, replaced])
@pytest.mark.parametrize("call", range(14))
def test_two_processes_at_once_hide_nothing_from_later_sweeps(
    schedule: Schedule, call: int, between: Callable[[Schedule], None]
) -> None:
    schedule.paused("e")
    schedule.store.at, schedule.store.between = call, lambda: between(schedule)
    schedule.sweeps()
    if schedule.store.at is not None:
        schedule.store.at = None
        between(schedule)
    schedule.sweeps(CHECK_SHARE)
    assert schedule.started() == 2
