"""The part of the threads that a namespace has while others call."""

import socket
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Lock
from types import SimpleNamespace
from typing import Any, cast

import pytest
from waitress import wasyncore

from functions.api.routes import ROUTES
from functions.hosting.at_work import SECONDS, UNSCOPED, AtWork, stream_of
from functions.hosting.background import in_background
from functions.hosting.connections import listening
from functions.hosting.dispatcher import SCOPED, Waiting
from tests.unit.functions.hosting.test_dispatcher import until

THREADS, PART = 8, 2
FLOOD = "/api/namespaces/flood/experiments/e/best"
LOGS = "/api/namespaces/flood/experiments/e/trials/0/logs"
QUIET = "/api/namespaces/quiet/experiments"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def at_work(*begun: str, clock: Clock) -> AtWork:
    """What is at work after these calls have come and begun."""
    found = AtWork(PART, clock)
    for member in begun:
        found.called(member)
        found.begun(member)
    return found


def test_a_namespace_alone_has_no_limit() -> None:
    assert "flood" not in at_work(*["flood"] * 100, clock=Clock())


def test_a_namespace_has_its_part_while_another_calls() -> None:
    assert "flood" not in at_work("quiet", "flood", clock=Clock())
    assert "flood" in at_work("quiet", "flood", "flood", clock=Clock())
    assert "quiet" not in at_work("quiet", "flood", "flood", clock=Clock())


def test_a_namespace_that_called_long_ago_limits_no_other() -> None:
    clock = Clock()
    found = at_work("quiet", "flood", "flood", clock=clock)
    clock.now += SECONDS
    assert "flood" in found
    clock.now += 1
    assert "flood" not in found


def test_the_latest_call_of_another_namespace_counts() -> None:
    clock = Clock()
    found = at_work("quiet", clock=clock)
    for member in ("flood", "other", "flood", "flood"):
        clock.now += SECONDS / 2
        found.called(member)
        found.begun("flood")
    assert "flood" in found
    clock.now += 1
    assert "flood" not in found
    found.called("quiet")
    assert "flood" in found


def test_names_that_callers_invent_take_no_memory() -> None:
    found = at_work(clock=Clock())
    tracemalloc.start()
    try:
        for number in range(2_000):
            found.called(f"invented-{number}")
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 10_000


def test_the_end_of_a_call_makes_room_for_the_next() -> None:
    found = at_work("quiet", "flood", "flood", clock=Clock())
    found.ended("flood")
    assert "flood" not in found


def test_streams_and_calls_without_a_namespace_limit_no_other() -> None:
    for member in (UNSCOPED, stream_of("quiet")):
        assert "flood" not in at_work(member, "flood", "flood", clock=Clock())


def test_streams_have_no_limit_and_count_for_none() -> None:
    streams = [stream_of("flood")] * 10
    found = at_work("quiet", *streams, clock=Clock())
    assert stream_of("flood") not in found
    assert "flood" not in found


def test_calls_without_a_namespace_have_a_part_too() -> None:
    assert UNSCOPED in at_work("quiet", UNSCOPED, UNSCOPED, clock=Clock())


def test_paths_that_may_leave_out_their_namespace_are_those_of_the_routes() -> None:
    assert {each.path.split("/")[1] for each in ROUTES if each.scoped} == set(SCOPED)


def test_what_may_begin_is_found_beside_what_may_not() -> None:
    waiting = Waiting(AtWork(1), Lock())
    for path in (FLOOD, FLOOD, QUIET, QUIET):
        waiting.append(cast("Any", SimpleNamespace(requests=[SimpleNamespace(path=path)])))
    assert [waiting.popleft().member for _ in range(2)] == ["flood", "quiet"]
    assert not waiting
    assert len(waiting) == 2


def test_what_may_not_begin_keeps_its_turn() -> None:
    waiting = Waiting(AtWork(1), Lock())
    for path in (FLOOD, FLOOD, QUIET, QUIET):
        waiting.append(cast("Any", SimpleNamespace(requests=[SimpleNamespace(path=path)])))
    _, quiet = waiting.popleft(), waiting.popleft()
    waiting._at_work.ended(quiet.member)
    assert waiting
    assert waiting.popleft().member == "quiet"


class Served:
    """A server that answers a call with `hold` in its query only after `go`."""

    def __init__(self) -> None:
        self.go = Event()
        self.begun: list[str] = []
        self.bound = socket.create_server(("127.0.0.1", 0))
        self.server: Any = listening(cast("Any", self._app), self.bound, THREADS, 100, 1000)
        self.open = ExitStack()

    def _app(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        self.begun.append(environ["PATH_INFO"])
        if "fail" in environ["QUERY_STRING"]:
            raise ValueError("fails")
        start("200 OK", [("Content-Type", "text/plain")])
        if "hold" in environ["QUERY_STRING"]:
            yield b"begins"
            assert self.go.wait(30)
        yield b"ends"

    def send(self, path: str) -> socket.socket:
        one = self.open.enter_context(socket.create_connection(self.bound.getsockname()))
        one.settimeout(30)
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return one

    def answered(self, path: str) -> str:
        """Send a call, and return the status once it is answered whole."""
        with self.send(path) as one:
            got = b""
            while not got.endswith((b"ends\r\n0\r\n\r\n", b"error\r\n\r\n")):
                part = one.recv(1000)
                got += part
                if not part:
                    break
        return got.split()[1].decode()

    def held(self, path: str, count: int, waiting: int) -> None:
        """Send these calls, until `waiting` of them wait and the others are at work."""
        for _ in range(count):
            self.send(f"{path}?hold")
        until(lambda: self.begun.count(path) >= count - waiting)
        until(lambda: len(self.server.task_dispatcher.queue) == waiting)
        assert self.begun.count(path) == count - waiting

    def run(self, ended: Any) -> None:
        while not ended.is_set():
            wasyncore.loop(0.05, use_poll=True, map=self.server._map, count=1)


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    with in_background("server", one.run):
        yield one
        one.go.set()
        until(lambda: not one.server.task_dispatcher.queue)
    one.server.task_dispatcher.shutdown()
    one.server.close()
    one.open.close()


def test_a_flood_leaves_most_threads_to_others_once_another_has_called(served: Served) -> None:
    assert served.answered(QUIET) == "200"
    served.held(FLOOD, 20, waiting=20 - PART)
    assert served.answered(QUIET) == "200"
    served.go.set()
    until(lambda: served.begun.count(FLOOD) == 20)


def test_a_flood_alone_has_all_threads(served: Served) -> None:
    assert served.answered("/api/health") == "200"
    served.held(FLOOD, 20, waiting=20 - THREADS)


def test_all_that_waits_may_begin_once_no_other_calls(served: Served) -> None:
    clock = Clock()
    served.server.task_dispatcher.queue._at_work._clock = clock
    assert served.answered(QUIET) == "200"
    served.held(FLOOD, 20, waiting=20 - PART)
    # The other threads have looked at the queue, and wait for a notice.
    until(lambda: len(served.server.task_dispatcher.queue_cv._waiters) == THREADS - PART)
    clock.now += SECONDS + 1
    until(lambda: served.begun.count(FLOOD) == THREADS)


def test_open_streams_hold_no_place_of_calls(served: Served) -> None:
    assert served.answered(QUIET) == "200"
    served.held(LOGS, THREADS - 1, waiting=0)
    assert served.answered(FLOOD) == "200"


def test_calls_that_fail_and_clients_that_leave_give_their_places_back(served: Served) -> None:
    assert served.answered(QUIET) == "200"
    for _ in range(PART + 1):
        assert served.answered(f"{FLOOD}?fail") == "500"
    for count in range(PART):
        one = served.send(f"{FLOOD}?hold")
        # Else its call would not begin at all.
        until(lambda count=count: served.begun.count(FLOOD) == PART + 2 + count)  # type: ignore[misc]
        one.close()
    served.go.set()
    assert served.answered(FLOOD) == "200"


def test_invalid_requests_give_their_places_back(served: Served) -> None:
    assert served.answered(QUIET) == "200"
    for _ in range(PART + 1):
        with socket.create_connection(served.bound.getsockname()) as one:
            one.settimeout(30)
            one.sendall(b"GET /api/health HTTP/1.1\r\nContent-Length: x\r\n\r\n")
            assert one.recv(1000).startswith(b"HTTP/1.")
    assert served.answered("/api/health") == "200"
