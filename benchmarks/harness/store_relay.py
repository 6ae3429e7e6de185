"""Relays HTTP to an S3 server and counts the requests by the kinds that a cloud bills."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

_BODILESS = ("HEAD",)
_HOPS = {"connection", "transfer-encoding", "keep-alive"}


class StoreRelay(BaseHTTPRequestHandler):
    """Passes each request on unchanged: its signature covers the relay's address."""

    protocol_version = "HTTP/1.1"
    server_address_behind: ClassVar[str]
    calls: ClassVar[Counter[str]]

    def _relay(self) -> None:
        self.calls[_kind(self.command, self.path)] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = HTTPConnection(self.server_address_behind, timeout=60)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _HOPS:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            self._answer(connection)
        finally:
            connection.close()

    def _answer(self, connection: HTTPConnection) -> None:
        answer = connection.getresponse()
        data = b"" if self.command in _BODILESS else answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {*_HOPS, "content-length"}:
                self.send_header(name, value)
        whole = answer.getheader("Content-Length") if self.command in _BODILESS else None
        self.send_header("Content-Length", whole or str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _relay

    def log_message(self, *_: object) -> None:
        pass


def _kind(method: str, path: str) -> str:
    if method == "GET" and "list-type=" in urlsplit(path).query:
        return "list"
    return {"PUT": "put", "POST": "put", "DELETE": "delete"}.get(method, "get")


@contextmanager
def relayed(endpoint: str) -> Iterator[tuple[str, Counter[str]]]:
    """Yield an address that relays to the S3 server at `endpoint`, and the growing counts."""
    behind = urlsplit(endpoint)
    counts: Counter[str] = Counter()
    given = {"server_address_behind": behind.netloc, "calls": counts}
    server = ThreadingHTTPServer((str(behind.hostname), 0), type("Relay", (StoreRelay,), given))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{behind.hostname}:{server.server_port}", counts
    finally:
        server.shutdown()
        server.server_close()
