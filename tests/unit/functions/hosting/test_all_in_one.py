"""All functions in one process, with a launcher that reports changes of its runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from adapters.storage.memory import MemoryStore
from functions.hosting.all_in_one import Whole, whole
from functions.settings import Settings
from tests.contracts.launchers import until
from tests.faults.training import TRAINS, ScriptedLauncher
from tunelet.core.installation import ANY
from tunelet.core.run import Launch
from tunelet.core.trial import TrialState
from tunelet.errors import Throttled
from tunelet.ports import Room, RunNews

REQUEST: dict[str, Any] = {
    "name": "digits",
    "model_training_code": "docker_image_url",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 1,
}
DIGITS = ("default", "digits")


class WatchedLauncher(ScriptedLauncher):
    """Reports at the test's command, and refuses runs while it is full."""

    def __init__(self, full: bool = False) -> None:
        super().__init__()
        self.announces_room = True
        self.full = full
        self.refused = threading.Event()
        self.watches: list[tuple[RunNews, Room]] = []

    def launch(self, launch: Launch) -> None:
        if self.full:
            self.refused.set()
            raise Throttled("no room")
        super().launch(launch)

    def watch(self, news: RunNews, room: Room) -> Callable[[], None]:
        self.watches.append((news, room))
        return self.watches.clear


@contextmanager
def served(launcher: WatchedLauncher) -> Iterator[Whole]:
    settings = Settings(store="", secret=bytes(16), launcher="", lease_seconds=60)
    with whole(settings, MemoryStore(), launcher, ANY) as parts:
        yield parts


def test_a_run_is_collected_when_the_launcher_reports_it() -> None:
    launcher = WatchedLauncher()
    with served(launcher) as parts:
        parts.service.submit(REQUEST)
        until(launcher.running)
        for _ in TRAINS.steps:
            launcher.tick()
        [(news, _)] = launcher.watches
        news(*DIGITS, 0)
        until(lambda: parts.service.trial(*DIGITS, 0).state == TrialState.COMPLETE)


def test_a_run_is_launched_when_the_launcher_reports_room_for_it() -> None:
    launcher = WatchedLauncher(full=True)
    with served(launcher) as parts:
        parts.service.submit(REQUEST)
        assert launcher.refused.wait(30)
        launcher.full = False
        [(_, room)] = launcher.watches
        room(*DIGITS)
        until(launcher.running)


def test_the_watch_ends_with_the_process() -> None:
    launcher = WatchedLauncher()
    with served(launcher):
        assert launcher.watches
    assert not launcher.watches
