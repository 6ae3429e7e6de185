"""The HTTP server of a process that serves everything."""

import resource
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from waitress.server import create_server
from werkzeug.wrappers import Request

from functions.wiring import Function

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 32

CONNECTIONS = 1000
"""Open at a time. A training keeps one between its reports, and with none left nobody gets in."""

IDLE_SECONDS = 30
"""After which a connection on which nothing comes is closed, at a look every ten seconds."""


def run(bound: socket.socket, function: Function, max_body_bytes: int) -> None:
    """Answer at `bound` until the process is to end; requests under way are then answered."""

    def app(environ: "WSGIEnvironment", start: "StartResponse") -> Iterator[bytes]:
        return iter(function(Request(environ))(environ, start))

    server = create_server(
        app,
        sockets=[bound],
        threads=THREADS,
        connection_limit=_connections(),
        asyncore_use_poll=True,  # select takes no descriptor above 1023
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=10,
        # It writes to disk what it is sent, before a function can refuse it. What is a
        # little too large is for the function to refuse, with words.
        max_request_body_size=4 * max_body_bytes,
    )
    server.run()  # until SystemExit, after which it waits for its threads


def _connections() -> int:
    """Half of what the process may open, at most: the store and the trainings need some, too."""
    may_open, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if may_open == resource.RLIM_INFINITY else min(CONNECTIONS, may_open // 2)
