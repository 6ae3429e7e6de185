"""An HTTP proxy of a store's server that makes requests fail in all known ways.

What a conditional write can meet: the connection cut before or after the server has done
the work, a delay, 500 or 503 before or after it, and 409 or 412 after it, which is how a
retry on the way makes a client's own write look like another's. And it can be away altogether.
"""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.serving import serving


class Fault(NamedTuple):
    status: int | None
    """The answer; None: the connection is cut."""
    done: bool
    """Whether the server has carried the request out."""


ANY = [Fault(None, False), Fault(None, True), Fault(500, True), Fault(500, False)]
ANY += [Fault(503, True), Fault(503, False)]
WRITES = [Fault(409, True), Fault(412, True)]
DELAY_SECONDS = 0.05
CODES = {
    409: ("ConditionalRequestConflict", "BlobAlreadyExists"),
    412: ("PreconditionFailed", "ConditionNotMet"),
    500: ("InternalError", "InternalError"),
    503: ("SlowDown", "ServerBusy"),
}
"""What S3 and Azure call it; Google has the status only."""


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class FaultProxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, share: float, seed: int, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        self.upstream, self.share = upstream, share
        self.met: Counter[str] = Counter()
        self._chance, self._lock = random.Random(seed), threading.Lock()
        self.away = False
        """Whether every request is answered 503, and none is passed on."""

    @property
    def address(self) -> str:
        return f"{self.server_address[0]!s}:{self.server_port}"

    def draw(self, writes: bool) -> Fault | None:
        """The fault that the next request meets, if any; a fifth of them are delays."""
        with self._lock:
            self.met["requests"] += 1
            if self.away:
                self.met["away"] += 1
                return Fault(503, False)
            if self._chance.random() >= self.share:
                return None
            fault = self._chance.choice([None, *ANY, *(WRITES * 2 if writes else [])])
            self.met["delay" if fault is None else f"{fault.status} {fault.done}"] += 1
        if fault is None:
            time.sleep(DELAY_SECONDS)
        return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.draw(self.command == "PUT" or "uploadType=" in self.path)
        answer = self._forward(body) if fault is None or fault.done else None
        if fault is None:
            assert answer is not None
            self._answer(answer)
        elif fault.status is None:
            self.close_connection = True
        else:
            self._answer(_failure(fault.status, "x-ms-version" in self.headers))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def _forward(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "expect"):
                connection.putheader(name, value)
        connection.endheaders(body)
        found = connection.getresponse()
        answer = Answer(found.status, found.getheaders(), found.read())
        connection.close()
        return answer

    def _answer(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Log no requests into the test's output."""


def _failure(status: int, azure: bool) -> Answer:
    code = CODES[status][azure]
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    headers = [("Content-Type", "application/xml"), ("x-ms-error-code", code)]
    return Answer(status, headers, body)


@contextmanager
def proxied(
    upstream: str, share: float = 0.25, seed: int = 1, host: str = "127.0.0.1"
) -> Iterator[FaultProxy]:
    """A proxy in front of `upstream` (host:port) at which `share` of the requests go wrong."""
    proxy = FaultProxy(upstream, share, seed, host)
    with serving(proxy):
        yield proxy
