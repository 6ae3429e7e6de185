"""Slots: the order in which experiments get them, and that none is lost."""

import fcntl
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from adapters.launchers.local.slots import WAITING_SECONDS, Slots
from tunelet.core.run import Run
from tunelet.errors import Retry

ROOT = Path(__file__).resolve().parents[5]


def run(experiment: str, number: int = 0, namespace: str = "default") -> Run:
    return Run(namespace, experiment, "u1", number, 1)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Place:
    """Slots in a folder. Each experiment asks through slots of its own, as from a process."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.clock = Clock()
        self._folder, self._limit = folder, limit

    def slots(self) -> Slots:
        return Slots(self._folder, self._limit, self.clock)

    def take(self, experiment: str, namespace: str = "default") -> int | None:
        try:
            return self.slots().take(run(experiment, namespace=namespace)).descriptor
        except Retry:
            return None

    def called(self) -> list[str]:
        return [each.experiment for each in self.slots().called()]


def test_a_freed_slot_goes_to_the_experiment_that_has_waited_longest(tmp_path: Path) -> None:
    place = Place(tmp_path, 2)
    held = [place.take("a"), place.take("a")]
    assert None not in held
    assert [place.take(name) for name in ("b", "c", "a")] == [None] * 3
    assert place.called() == []
    order = []
    for _ in range(6):
        os.close(held.pop(0) or 0)
        # Whoever hears of it first and asks first, and again after having got one.
        called = place.called()
        assert len(called) == 1
        for name in ("a", "c", "b", called[0]):
            taken = place.take(name)
            if taken is not None:
                held.append(taken)
                order.append(name)
                assert place.take(name) is None
        assert len(held) == 2
    assert order == ["b", "c", "a", "b", "c", "a"]
    for slot in held:
        os.close(slot or 0)


@pytest.mark.parametrize("passed", [WAITING_SECONDS, -2 * WAITING_SECONDS])
def test_an_experiment_that_no_longer_asks_is_not_waited_for(tmp_path: Path, passed: float) -> None:
    """Nor is it when the clock is set back meanwhile."""
    place = Place(tmp_path, 1)
    held = place.take("a")
    assert held is not None
    assert place.take("gone") is None
    os.close(held)
    assert place.take("a") is None
    place.clock.now += passed
    held = place.take("a")
    assert held is not None
    os.close(held)


def test_an_experiment_may_wait_longer_than_a_slot_is_kept_for_it(tmp_path: Path) -> None:
    """A sweep that finds nothing to do leaves it out for up to two minutes."""
    place = Place(tmp_path, 1)
    held = place.take("a")
    assert held is not None
    assert place.take("b") is None
    place.clock.now += 10 * WAITING_SECONDS
    assert place.take("a") is None
    os.close(held)
    assert place.called() == ["b"]
    place.clock.now += WAITING_SECONDS
    assert place.called() == ["a"]


def test_no_experiment_waits_if_all_have_room(tmp_path: Path) -> None:
    place = Place(tmp_path, 3)
    held = [place.take(name) for name in ("a", "a", "b")]
    assert None not in held
    assert place.take("b") is None
    for slot in held[:2]:
        os.close(slot or 0)
    # One of the two is kept for b, the other is anyone's.
    again = [place.take(name) for name in ("a", "a", "b")]
    assert [each is None for each in again] == [False, True, False]
    for each in (held[2], *again):
        if each is not None:
            os.close(each)


def test_a_launcher_that_tries_the_slots_does_not_make_them_look_held_to_another(
    tmp_path: Path,
) -> None:
    """Of two that come at once for two free slots, each gets one."""
    place = Place(tmp_path, 1)
    slots = place.slots()
    trying = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("gate", "0")]
    for descriptor in trying:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(slots.take, run("a"))
        # It waits for the one that tries; without the gate it is refused long before.
        done, _ = wait([other], timeout=0.3)
        assert not done
        for descriptor in reversed(trying):
            os.close(descriptor)
        os.close(other.result().descriptor)


def test_a_clock_that_is_set_back_keeps_no_slot_for_ever(tmp_path: Path) -> None:
    place = Place(tmp_path, 1)
    held = place.take("a")
    assert held is not None
    assert place.take("gone") is None
    os.close(held)
    place.clock.now -= 1000 * WAITING_SECONDS
    held = place.take("a")
    assert held is not None
    os.close(held)


def test_runs_of_a_higher_limit_count_against_a_lower_one(tmp_path: Path) -> None:
    held = [Place(tmp_path, 3).take("a") for _ in range(3)]
    assert None not in held
    lower = Place(tmp_path, 2)
    os.close(held.pop(0) or 0)
    assert lower.take("a") is None
    os.close(held.pop() or 0)
    taken = lower.take("a")
    assert taken is not None
    for each in (*held, taken):
        os.close(each or 0)


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_a_full_disk_takes_no_slot(tmp_path: Path) -> None:
    Place(tmp_path, 2)
    program = f"""
import os, resource, signal, sys
from pathlib import Path
from adapters.launchers.local.slots import Slots
from tunelet.ports import Run
slots, run = Slots(Path(sys.argv[1]), 2), Run("default", "a", "u1", 0, 1)
before = len(os.listdir("/proc/self/fd"))
# Beyond this limit a write fails as on a full disk does.
resource.setrlimit(resource.RLIMIT_FSIZE, (0, {resource.RLIM_INFINITY}))
for _ in range(5):
    try:
        slots.take(run)
    except OSError:
        pass
    else:
        sys.exit("the disk was not full")
assert len(os.listdir("/proc/self/fd")) == before
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, {resource.RLIM_INFINITY}))
slots.take(run), slots.take(run)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=ROOT)


def order(place: Place, held: int, asking: dict[str, list[str]], turns: int) -> list[str]:
    """Return who gets the slot, each time that it is freed and all ask for it again."""
    got = []
    for _ in range(turns):
        os.close(held)
        taken = None
        for namespace, experiments in asking.items():
            for experiment in experiments:
                slot = place.take(experiment, namespace)
                if slot is not None:
                    taken = slot
                    got.append(f"{namespace}/{experiment}")
        assert taken is not None
        held = taken
    os.close(held)
    return got


def test_a_slot_that_one_namespace_had_goes_to_the_other_first(tmp_path: Path) -> None:
    """With 10,000 trials in the queue before it, a trial waits for the one that runs, at most."""
    place = Place(tmp_path, 1)
    held = place.take("a", "flood")
    assert held is not None
    assert place.take("a", "flood") is None
    place.clock.now += 1
    assert place.take("b", "other") is None
    asking = {"flood": ["a"], "other": ["b"]}
    assert order(place, held, asking, 4) == ["other/b", "flood/a", "other/b", "flood/a"]


def test_experiments_of_one_namespace_share_its_turns(tmp_path: Path) -> None:
    place = Place(tmp_path, 1)
    held = place.take("a1", "flood")
    assert held is not None
    asking = {"flood": ["a1", "a2", "a3"], "other": ["b"]}
    for experiment in asking["flood"]:
        assert place.take(experiment, "flood") is None
    assert place.take("b", "other") is None
    assert order(place, held, asking, 7) == [
        *("other/b", "flood/a2"),
        *("other/b", "flood/a3"),
        *("other/b", "flood/a1"),
        "other/b",
    ]


def test_the_turns_of_many_namespaces_are_kept_in_a_file(tmp_path: Path) -> None:
    """More namespaces take turns than there are slots, and each asks from a process of its own."""
    place = Place(tmp_path, 1)
    held = place.take("e0", "n0")
    assert held is not None
    names = [f"n{number}" for number in range(5)]
    for name in names:
        assert place.take("e", name) is None
        assert place.take("f", name) is None
    asking = {name: ["e", "f"] for name in reversed(names)}
    got = [each.split("/")[0] for each in order(place, held, asking, 15)]
    assert got == ["n1", "n2", "n3", "n4", "n0"] * 3


def test_a_slot_that_is_reserved_stays_so_if_another_namespace_comes(tmp_path: Path) -> None:
    place = Place(tmp_path, 1)
    held = place.take("a", "flood")
    assert held is not None
    assert place.take("a", "flood") is None
    os.close(held)
    assert place.called() == ["a"]
    assert place.take("b", "other") is None
    assert place.called() == ["a"]
    assert order(place, place.take("a", "flood") or 0, {"other": ["b"]}, 1) == ["other/b"]


def test_a_queue_of_an_older_version_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "queue").write_bytes(b'[["default","gone",1000.0,1000.0,null]]')
    held = Place(tmp_path, 1).take("a")
    assert held is not None
    os.close(held)


def test_active_runs_have_different_slots_and_a_freed_one_is_used_again(tmp_path: Path) -> None:
    slots = Place(tmp_path, 3).slots()
    taken = [slots.take(run("a", number)) for number in range(3)]
    assert [each.number for each in taken] == [0, 1, 2]
    os.close(taken[1].descriptor)
    again = slots.take(run("a", 3))
    assert again.number == 1
    for each in (taken[0], taken[2], again):
        os.close(each.descriptor)
