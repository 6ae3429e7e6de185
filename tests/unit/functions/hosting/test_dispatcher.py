"""Calls that wait for a thread: one tenant's many do not delay another's one."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event
from typing import Any, cast

import pytest
from waitress import wasyncore

from functions.hosting.background import in_background
from functions.hosting.connections import listening

FLOOD = "/api/namespaces/flood/experiments/e/best"


class Served:
    """A server with one thread, which answers nothing until `go`. `answered` has the paths."""

    def __init__(self) -> None:
        self.go = Event()
        self.answered: list[str] = []
        self.bound = socket.create_server(("127.0.0.1", 0))
        self.server: Any = listening(cast("Any", self._app), self.bound, 1, 50, 1000)

    def _app(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        assert self.go.wait(30)
        self.answered.append(environ["PATH_INFO"])
        start("200 OK", [("Content-Length", "0")])
        return [b""]

    def call(self, *paths: str) -> None:
        """Send calls, each on a connection of its own, and answer them; the first gets the thread
        and the others wait in this order."""
        with ExitStack() as kept:
            opened = []
            for waiting, path in enumerate(paths):
                one = kept.enter_context(socket.create_connection(self.bound.getsockname()))
                one.settimeout(30)
                one.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                opened.append(one)
                until(lambda waiting=waiting: self._waits(waiting))
            self.go.set()
            for one in opened:
                assert one.recv(100).startswith(b"HTTP/1.1 200")

    def _waits(self, count: int) -> bool:
        threads = self.server.task_dispatcher
        return len(threads.queue) == count and threads.active_count == 1

    def run(self, ended: Any) -> None:
        while not ended.is_set():
            wasyncore.loop(0.05, use_poll=True, map=self.server._map, count=1)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    with in_background("server", one.run):
        yield one
    one.server.task_dispatcher.shutdown()
    one.server.close()


@pytest.mark.parametrize(
    "quiet",
    [
        "/api/namespaces/quiet/experiments",
        "/api/experiments/e",
        "/api/submit_job",
        "/",
        "/api/namespaces/flood/experiments/another/trials/0/reports",
    ],
)
def test_the_call_of_another_is_among_the_next_two_however_many_wait(
    served: Served, quiet: str
) -> None:
    served.call(*[FLOOD] * 20, quiet)
    assert served.answered.index(quiet) <= 2
    assert len(served.answered) == 21


def test_calls_of_one_experiment_are_answered_in_their_order(served: Served) -> None:
    paths = [f"{FLOOD}/{number}" for number in range(10)]
    served.call(*paths)
    assert served.answered == paths
