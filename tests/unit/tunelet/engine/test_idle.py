"""A sweep that has nothing to do does next to nothing, and misses nothing."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from tests.faults.training import ScriptedLauncher
from tests.unit.functions.conftest import SMALLEST, Broker
from tunelet.assembly import assembled
from tunelet.core.experiment import Experiment
from tunelet.core.installation import ANY, Installation
from tunelet.core.run import Launch, Run
from tunelet.engine.idle import (
    CHECK_SECONDS,
    LONGEST,
    LONGEST_SIGNALLED,
    LONGEST_WAITING,
    LOOKS,
    TRIES,
    Idle,
)
from tunelet.errors import Retry, Throttled
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Marker, Markers
from tunelet.log.quiet import Name
from tunelet.ports import Stored
from tunelet.service import Service

AT = Name("default", "e")
REQUEST = {**SMALLEST, "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}}}


class Counted(MemoryStore):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def get(self, key: str) -> Stored | None:
        self.calls["get"] += 1
        return super().get(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self.calls["list"] += 1
        return super().list(prefix, after, limit)


class Full(ScriptedLauncher):
    """Has room, and gives output, at the test's command."""

    room = False
    readable = True
    fits: Collection[str] = ()
    """The experiments for which it has room in any case."""
    tried = 0

    def launch(self, launch: Launch) -> None:
        self.tried += 1
        if not self.room and launch.run.experiment not in self.fits:
            raise Throttled("no room")
        super().launch(launch)

    def logs(self, run: Run) -> Iterator[bytes]:
        if not self.readable:
            raise Retry("the node does not answer")
        return super().logs(run)


class Place:
    def __init__(self) -> None:
        self.store, self.launcher, self.now = Counted(), Full(), 1000.0
        self.service = self.another()

    def another(self, installation: Installation = ANY) -> Service:
        """A process of its own."""
        return assembled(
            self.store,
            self.launcher,
            load_catalog(),
            Broker(),
            secret=bytes(16),
            api_url="http://127.0.0.1:1",
            clock=lambda: self.now,
            installation=installation,
        )

    def submitted(self, name: str = "e", **fields: Any) -> None:
        self.service.submit({**REQUEST, **fields, "name": name})

    def swept(self, times: int = LOOKS + 3) -> int:
        """Run sweeps; returns the number of reads of the last one."""
        for _ in range(times):
            self.store.calls.clear()
            self.service.sweep()
        return self.store.calls.total()

    def experiment(self, name: str = "e") -> Experiment:
        return self.another().experiment("default", name)


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.mark.parametrize("paused", [True, False])
def test_an_experiment_that_has_nothing_to_do_costs_a_read_now_and_then(
    place: Place, paused: bool
) -> None:
    def costs(experiments: int) -> tuple[int, int]:
        for number in range(experiments):
            place.submitted(f"e{number}x{experiments}")
            if paused:
                place.service.pause("default", f"e{number}x{experiments}")
        for _ in range(LOOKS + 3):
            place.now += LONGEST
            at_once = place.swept(2)
        place.now += CHECK_SECONDS
        return at_once, place.swept(1)

    few, more = costs(3), costs(20)
    assert more[0] == few[0]
    assert more[1] - few[1] == 20


def test_writes_of_another_process_are_found(place: Place) -> None:
    place.submitted()
    place.service.pause(*AT)
    place.swept()
    place.launcher.room = True
    place.another().resume(*AT)
    place.now += CHECK_SECONDS
    place.swept(1)
    assert place.experiment().counts["running"] == 3


def test_writes_of_this_process_are_found(place: Place) -> None:
    place.submitted()
    place.service.pause(*AT)
    place.swept()
    place.launcher.room = True
    place.service.resume(*AT)
    place.swept(1)
    assert place.experiment().counts["running"] == 3


def test_an_experiment_with_runs_is_looked_at_each_time(place: Place) -> None:
    """The end of a run is in no log."""
    place.launcher.room = True
    place.submitted(max_trials=3)
    place.swept()
    assert place.experiment().counts["running"] == 3
    for run in place.launcher.running():
        place.launcher.stop(run)
    place.swept(1)
    assert place.experiment().trials[0].attempt == 2


def test_output_that_could_not_be_stored_is_tried_in_each_sweep(place: Place) -> None:
    place.launcher.room, place.launcher.readable = True, False
    place.submitted(max_trials=9, parallel_trials=1)
    place.swept(1)
    (run,) = place.launcher.running()
    place.service.pause(*AT)
    while place.launcher.running():
        place.launcher.tick()
    place.swept()
    assert place.launcher.unsaved(*AT) == [run]
    assert place.experiment().ended.complete == 1
    place.launcher.readable = True
    place.swept(1)
    assert place.launcher.unsaved(*AT) == []
    assert b"".join(place.service.files.logs(*AT, run.number)) == b"trial 0, attempt 1\n"
    place.swept()
    assert place.swept(1) < 6, "it is quiet from now on"


def test_the_end_of_max_seconds_is_not_missed(place: Place) -> None:
    place.submitted(max_seconds=100)
    place.swept()
    place.now += 101
    place.swept(1)
    assert place.experiment().over


def test_an_experiment_with_a_reused_name_is_looked_at(place: Place) -> None:
    place.submitted()
    place.service.pause(*AT)
    place.swept()
    other = place.another()
    other.delete(*AT)
    other.submit({**REQUEST, "name": "e"})
    place.launcher.room = True
    place.now += CHECK_SECONDS
    place.swept(1)
    assert place.experiment().counts["running"] == 3


@pytest.mark.parametrize("member", [True, False])
def test_a_member_leaves_no_notes_because_no_other_process_has_its_name(
    place: Place, member: bool
) -> None:
    place.submitted()
    place.service.pause(*AT)
    place.service = place.another(Installation("id", places=1, joins=member))
    place.swept()
    assert [*place.store.list("installations/id.")] == (
        [] if member else ["installations/id.quiet"]
    )


@pytest.mark.parametrize(
    ("paused", "announced", "longest"),
    [(True, False, LONGEST), (False, False, LONGEST_WAITING), (False, True, LONGEST_SIGNALLED)],
)
def test_it_is_looked_at_from_time_to_time_in_any_case(
    place: Place, paused: bool, announced: bool, longest: float
) -> None:
    """It may wait for something outside the log, such as a slot for a run."""
    place.submitted()
    if paused:
        place.service.pause(*AT)
    else:
        place.swept(1)
    (marker,) = Markers(place.store, lambda: 0.0).live(set())
    experiment = place.experiment()
    place.launcher.announces_room = announced
    pauses = [_rests(place, experiment, marker, looks) for looks in range(1, 12)]
    assert pauses[: LOOKS - 1] == [0.0] * (LOOKS - 1)
    assert pauses[LOOKS - 1] > 0.0
    assert 0.7 * longest < pauses[-1] <= longest + 1.0


def _rests(place: Place, experiment: Experiment, marker: Marker, looks: int) -> float:
    time = [0.0]
    store = MemoryStore()
    idle = Idle(store, place.launcher, Journals(store, lambda: time[0]))
    for _ in range(looks):
        idle.looked(experiment, [marker], (1, 1))
    while not idle.due({AT: [marker]}):
        time[0] += 1.0
    return time[0]


def test_once_many_waited_in_vain_a_sweep_tries_no_others_of_their_namespace(
    place: Place,
) -> None:
    def tries() -> int:
        place.launcher.tried = 0
        place.service.sweep()
        return place.launcher.tried

    for number in range(3 * TRIES):
        place.submitted(f"e{number}", parallel_trials=1)
    place.swept(2)
    assert [tries(), tries()] == [TRIES, TRIES]
    place.now += LONGEST_SIGNALLED
    assert tries() == 3 * TRIES


def test_looks_that_find_room_let_the_sweep_try_all_others(place: Place) -> None:
    names = [f"e{number}" for number in range(3 * TRIES)]
    for name in names:
        place.submitted(name, parallel_trials=1)
    place.swept(2)
    place.launcher.fits = set(names[::2])
    place.service.sweep()
    assert {run.experiment for run in place.launcher.running()} == set(names[::2])
