"""A server of the test's own process: its thread ends as soon as the test has ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from threading import Thread

POLL_SECONDS = 0.01
"""How late a server notices that it is to stop; half a second by default, once a test."""


@contextmanager
def serving(server: HTTPServer) -> Iterator[int]:
    """Serve requests as long as the block lasts; gives the port."""
    thread = Thread(target=server.serve_forever, args=(POLL_SECONDS,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
