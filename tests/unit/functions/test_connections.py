"""Clients that do not read their answers keep no thread, and no connection that another needs."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
from waitress import wasyncore

from functions.hosting.background import in_background
from functions.hosting.connections import UNREAD_SECONDS, Connection, listening

PLACES = 4
SMALL, LARGE = "/small", "/large"
SIZES = {SMALL: 10, LARGE: 3 << 20}
"""Of the answers. A large one is more than both ends of a connection hold."""


@pytest.fixture
def served() -> Iterator[Any]:
    """A server with one thread."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        body = b"x" * SIZES[environ["PATH_INFO"]]
        start("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    bound = socket.create_server(("127.0.0.1", 0))
    server: Any = listening(cast("Any", app), bound, 1, PLACES, 1000)

    def run(ended: Any) -> None:
        while not ended.is_set():
            wasyncore.loop(0.05, use_poll=True, map=server._map, count=1)
        for each in list(server.active_channels.values()):
            each.handle_close()  # lets go a thread that waits for its reader

    with in_background("server", run):
        yield server
    server.task_dispatcher.shutdown()
    server.close()


def ask(server: Any, path: str, times: int = 1) -> socket.socket:
    """A connection with many sent requests and no read answer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    connection.settimeout(10)
    connection.connect(server.socket.getsockname())
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * times)
    return connection


def is_answered(server: Any) -> bool:
    with ask(server, SMALL) as connection:
        return connection.recv(100).startswith(b"HTTP/1.1 200")


def sent_in_part(server: Any, count: int) -> list[Connection]:
    """The connections, once this number of them has an unread answer."""
    deadline = time.monotonic() + 30
    while True:
        found = [each for each in list(server.active_channels.values()) if each.total_outbufs_len]
        if len(found) == count and not any(each.requests for each in found):
            return found
        assert time.monotonic() < deadline, server.active_channels
        time.sleep(0.01)


def test_many_requests_with_unread_answers_keep_no_thread(served: Any) -> None:
    with ask(served, LARGE, times=20):
        assert all(is_answered(served) for _ in range(20))


def test_connections_with_unread_answers_make_room_for_others(served: Any) -> None:
    with ExitStack() as kept:
        for _ in range(PLACES):
            kept.enter_context(ask(served, LARGE))
        sent_in_part(served, PLACES)
        assert is_answered(served)


def test_an_answer_that_is_not_read_is_given_up_in_time(served: Any) -> None:
    with ask(served, LARGE) as reader:
        one, now = sent_in_part(served, 1)[0], time.monotonic()
        assert not one.unread(now)
        assert not one.unread(now + UNREAD_SECONDS - 1)
        later = now + UNREAD_SECONDS + 1
        assert one.unread(later)
        # The server itself looks each second, and counts from there.
        while one.unread(later):
            assert reader.recv(1 << 16)
        assert one.total_outbufs_len


def test_requests_that_come_together_are_all_answered_to_one_who_reads(served: Any) -> None:
    with ask(served, SMALL, times=50) as connection:
        told = b""
        while told.count(b"HTTP/1.1 200") < 50 and (piece := connection.recv(1 << 16)):
            told += piece
    assert told.count(b"HTTP/1.1 200") == 50
