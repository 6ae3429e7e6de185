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
"""The most open connections. A training keeps one between its reports."""


def run(bound: socket.socket, function: Function, max_body_bytes: int) -> None:
    """Answer at `bound` until the process should end; then finish requests in progress."""

    # The metrics already show how many requests wait for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    def app(environ: "WSGIEnvironment", start: "StartResponse") -> Iterator[bytes]:
        return iter(function(Request(environ))(environ, start))

    # Runs until SystemExit, then waits for its threads.
    listening(app, bound, THREADS, _connections(), max_body_bytes).run()


def _connections() -> int:
    """Return at most half of the process's descriptors: store and trainings need some too."""
    may_open, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if may_open == resource.RLIM_INFINITY else min(CONNECTIONS, may_open // 2)
