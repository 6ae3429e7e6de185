"""A server with one answer to every request: answers of clouds that no local server gives."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.serving import serving


class Said(NamedTuple):
    status: int
    body: str = ""
    headers: Mapping[str, str] = {}
    seconds: float = 0.0


class Server(ThreadingHTTPServer):
    """Gives the answer `said`, which may be changed between requests."""

    daemon_threads = True

    def __init__(self, said: Said) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.said = said


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _any(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = self.server.said
        time.sleep(said.seconds)
        self.send_response_only(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body.encode())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def log_message(self, format: str, *args: object) -> None:
        """Log no requests into the test's output."""


@contextmanager
def answering(said: Said) -> Iterator[str]:
    """The address of a server that answers so."""
    with serving(Server(said)) as port:
        yield f"http://127.0.0.1:{port}"
