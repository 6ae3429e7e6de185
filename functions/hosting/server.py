"""The HTTP server of a process that serves everything."""

import logging
import resource
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

from functions.hosting.connections import listening
from functions.http import Function

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 32

CONNECTIONS = 1000
"""Open at a time. A training keeps one between its reports."""


def run(bound: socket.socket, function: Function, max_body_bytes: int) -> None:
    """Answer at `bound` until the process is to end; requests under way are then answered."""

    # How many requests wait for a thread says nothing that the metrics do not.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    def app(environ: "WSGIEnvironment", start: "StartResponse") -> Iterator[bytes]:
        return iter(function(Request(environ))(environ, start))

    # Until SystemExit, after which it waits for its threads.
    listening(app, bound, THREADS, _connections(), max_body_bytes).run()


def _connections() -> int:
    """Half of what the process may open, at most: the store and the trainings need some, too."""
    may_open, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if may_open == resource.RLIM_INFINITY else min(CONNECTIONS, may_open // 2)
