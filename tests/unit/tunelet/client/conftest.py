"""A scripted server on loopback that shows a client every kind of fault."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from tests.serving import serving


class Answer(NamedTuple):
    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


LOST = None
"""The connection is closed after the request was read: an answer that is lost."""


class Script:
    """Gives `answers` in turn, repeats the last one, and keeps the requests."""

    def __init__(self) -> None:
        self.answers: list[Answer | None] = []
        self.seen: list[Seen] = []
        self.url = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _turn(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.loads(data) if data else None
                script.seen.append(Seen(self.command, self.path, dict(self.headers), body))
                answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if answer is LOST:
                    self.close_connection = True
                    return
                raw = answer.body if isinstance(answer.body, bytes) else _json(answer.body)
                self.send_response(answer.status)
                for header in answer.headers:
                    self.send_header(*header)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = _turn

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: a test's output is its failures."""

        return Handler


def _json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    server = ThreadingHTTPServer(("127.0.0.1", 0), script.handler())
    server.daemon_threads = True
    with serving(server) as port:
        script.url = f"http://127.0.0.1:{port}"
        yield script


@pytest.fixture
def answer() -> type[Answer]:
    return Answer
