"""The HTTP server of a process that serves everything."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from waitress.server import create_server
from werkzeug.wrappers import Request

from functions.wiring import Function

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 32


def run(bound: socket.socket, function: Function, max_body_bytes: int) -> None:
    """Answer at `bound` until `ended_by_signals`; requests under way are then finished."""

    def app(environ: "WSGIEnvironment", start: "StartResponse") -> Iterator[bytes]:
        return iter(function(Request(environ))(environ, start))

    server = create_server(
        app,
        sockets=[bound],
        threads=THREADS,
        # It writes to disk what it is sent, before a function can refuse it. What is a
        # little too large is for the function to refuse, with words.
        max_request_body_size=4 * max_body_bytes,
    )
    server.run()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends what happens here as Ctrl-C does; neither leaves a trace.

    To be entered before anyone is told that the service is there, and may end it.
    """

    def end(*_: object) -> None:
        raise SystemExit(0)

    before: dict[int, Callable[..., object] | int | None] = {
        number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
