"""Calls of a function as runs: when the launcher reports room."""

import threading

import pytest

from adapters.launchers.function import FunctionLauncher
from tests.contracts.launchers import until
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Phase, Run
from tunelet.errors import Throttled


def launch(number: int) -> Launch:
    run = Run("default", "digits", "u1", number, 1)
    env = {"TUNELET_HYPERPARAMETERS": "{}"}
    source = MetricsSource(objectives=("objective",))
    return Launch(run, {"image": "f"}, command=(), args=(), env=env, metrics=source)


def test_room_is_reported_only_where_a_run_was_refused() -> None:
    go_on = threading.Event()
    launcher = FunctionLauncher(lambda _: float(go_on.wait(60)), 1)
    ended: list[str] = []
    room: list[tuple[str, str]] = []
    launcher.watch(lambda *_: ended.append("run"), lambda *whose: room.append(whose))
    launcher.launch(launch(0))
    go_on.set()
    until(lambda: len(ended) == 1)
    go_on.clear()
    launcher.launch(launch(1))
    with pytest.raises(Throttled):
        launcher.launch(launch(2))
    assert room == []
    go_on.set()
    until(lambda: room)
    assert room == [("default", "digits")]
    assert launcher.observe(launch(1).run).phase is Phase.ENDED
    launcher.launch(launch(2))
