"""What goes wrong with one object, run or trial holds up no other."""

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import REQUEST, submit
from tests.faults.training import MemoryLauncher
from tests.faults.world import World
from tunelet.errors import Retry
from tunelet.ports import Observation, Run
from tunelet.verify import experiments

AT = ("default", "e")


FOREIGN = [
    *(folder + name for folder in ("live/", "expires/") for name in ("", "a", "0/", "0/a/b/c/d")),
    *("index/", "index/default/", "index/default/readme.txt", "expires/1/a/b/c"),
    *("v1/", "v1/readme.txt", "v1/default/", "v1/default/a", "v1/default/e/journal/"),
]


@pytest.mark.parametrize("key", FOREIGN)
def test_foreign_objects_in_the_bucket_hold_up_nobody(key: str) -> None:
    """A console makes empty objects for the folders that it shows."""
    store = _Console()
    world = World([], objects=store)
    store.foreign = key
    submit(world.calm())
    world.run(until=lambda: len(world.launcher.launches) == 5)
    service = world.calm()
    assert service.sweep() == 1
    assert [each.name for each in service.experiments("default")[0]] == ["e"]
    assert list(experiments(store)) == [AT]


class _Console(MemoryStore):
    """Shows an object that is not ours, whose key none of ours could have."""

    foreign = ""

    def list(self, prefix: str, after: str = "", limit: int | None = None):  # type: ignore[no-untyped-def]
        keys = [*super().list(prefix, after), *[self.foreign] * (self.foreign > after)]
        ours = sorted(key for key in keys if key.startswith(prefix) and key)
        return iter(ours[:limit])


class _Stubborn(MemoryLauncher):
    """One run can be neither seen nor stopped."""

    stubborn: Run | None = None

    def observe(self, run: Run) -> Observation:
        if run == self.stubborn:
            raise OSError("its output cannot be read")
        return super().observe(run)

    def stop(self, run: Run) -> None:
        if run == self.stubborn:
            raise Retry("the node does not answer")
        super().stop(run)


def two_running() -> tuple[World, _Stubborn]:
    launcher = _Stubborn()
    world = World([submit], launcher=launcher)
    world.run(until=lambda: len(launcher.running()) == REQUEST["parallel_trials"])
    launcher.stubborn = launcher.running()[0]
    return world, launcher


def test_a_run_that_cannot_be_seen_hides_no_other() -> None:
    world, launcher = two_running()
    launcher.tick()
    world.calm().collect(*AT)
    told = [bool(trial.reports) for trial in world.calm().trials(*AT)[0]]
    assert told[:2] == [False, True]


def test_a_run_that_cannot_be_stopped_lets_no_other_go_on() -> None:
    world, launcher = two_running()
    service = world.calm()
    service.stop(*AT)
    with pytest.raises(Retry, match="node"):
        service.launch(*AT)
    assert launcher.running() == [launcher.stubborn]
