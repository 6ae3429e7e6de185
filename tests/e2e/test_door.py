"""`tunelet up` over real connections: accepted callers, and the sizes that they may send."""

import json
import re
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.e2e.conftest import Up

SITE = "http://evil.example"


def ask(url: str, method: str, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url + path, headers=headers, retries=False)


def is_problem(answer: urllib3.BaseHTTPResponse, status: int) -> bool:
    told = json.loads(answer.data)
    return (answer.headers["Content-Type"], answer.status, told["status"]) == (
        "application/problem+json",
        status,
        status,
    )


def port(service: Up) -> int:
    return int(service.url.rpartition(":")[2])


def raw(service: Up, sent: bytes) -> bytes:
    """All that comes back on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port(service)), 30) as connection:
        connection.sendall(sent)
        told = b""
        while piece := connection.recv(1 << 16):
            told += piece
            head, found, data = told.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if found and length and len(data) >= int(length[1]):
                break
        return told


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One service for the tests that change nothing."""
    one = Up(tmp_path_factory.mktemp("door") / "data")
    yield one
    one.close()


def test_only_this_machines_own_pages_and_programs_come_in(
    up: Callable[..., Any], tmp_path: Path
) -> None:
    service = up("--allowed-host", "box.lan")
    url, port = service.url, service.url.rpartition(":")[2]
    assert is_problem(ask(url, "GET", "/api/experiments", Host=f"evil.example:{port}"), 421)
    for host in (f"localhost:{port}", f"[::1]:{port}", f"box.lan:{port}"):
        assert ask(url, "GET", "/api/experiments", Host=host).status == 200
    stop = "/api/experiments/digits/stop"
    assert is_problem(ask(url, "POST", stop, Origin=SITE), 403)
    assert is_problem(ask(url, "POST", stop, Origin=url), 404)
    assert stat.S_IMODE((tmp_path / "data0").stat().st_mode) == 0o700


def test_a_body_far_beyond_the_limit_is_refused_before_it_is_sent(up: Callable[..., Any]) -> None:
    service = up("--max-body-bytes", "1000")
    body = b" " * 1001
    assert is_problem(
        urllib3.request("POST", f"{service.url}/api/submit_job", body=body, retries=False), 413
    )
    with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2]))) as raw:
        raw.sendall(b"POST /api/submit_job HTTP/1.1\r\nHost: localhost\r\n")
        raw.sendall(b"Content-Length: 1000000000\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_beyond_the_limit_is_refused_in_the_same_words_however_it_is_sent(
    up: Callable[..., Any],
) -> None:
    service = up("--max-body-bytes", "1000")
    for size in (1001, 3999, 10_000, 1_000_000):
        length = b"Content-Length: %d\r\n\r\n" % size + b"x" * min(size, 4500)
        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size + b"x" * min(size, 4500)
        ended = b"\r\n0\r\n\r\n" if size < 4500 else b""
        for headers in (length, chunked + ended):
            told = raw(service, b"POST /api/submit_job HTTP/1.1\r\nHost: localhost\r\n" + headers)
            head, _, data = told.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 413"), (size, told)
            assert b"application/problem+json" in head
            assert "at most 1000 bytes" in json.loads(data)["errors"][0]["remedy"]


@pytest.mark.parametrize(
    "request_head",
    [
        "POST /api/events HTTP/1.1|Host: localhost|Transfer-Encoding: chunked|Content-Length: 3",
        "POST /api/events HTTP/1.1|Host: localhost|Content-Length: 3|transfer-encoding: chunked",
        "POST /api/events HTTP/1.0|Host: localhost|Transfer-Encoding: chunked",
        "POST /api/events HTTP/1.1|Host: localhost|Transfer-Encoding: chunked, chunked",
        "POST /api/events HTTP/1.1|Host: localhost|Transfer-Encoding: chunked|"
        "Transfer-Encoding: chunked",
        "POST /api/events HTTP/1.1|Host: localhost|Content-Length: 3|Content-Length: 4",
        "POST /api/events HTTP/1.1|Host: localhost|Content-Length: " + "9" * 5000,
        "GET /api/health HTTP/1.1|Host: user@localhost",
        "GET /api/health HTTP/1.1|Host: localhost:80@evil.example",
        "GET /api/health HTTP/1.1|Host: localhost|Host: evil.example",
        "GET /api/health HTTP/1.1|Host: localhost/evil",
        "GET /api/health HTTP/1.1",
        "GET http://evil.example/api/health HTTP/1.1|Host: localhost",
        "GET http://user@localhost/api/health HTTP/1.1|Host: localhost",
        "GET http://[/api/health HTTP/1.1|Host: localhost",
        "GET api/health HTTP/1.1|Host: localhost",
    ],
)
def test_a_request_that_two_could_read_in_two_ways_is_refused(
    service: Up, request_head: str
) -> None:
    lines = "".join(f"{line}\r\n" for line in request_head.split("|"))
    told = raw(service, f"{lines}\r\n".encode())
    assert told.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), told
    head, _, data = told.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(data)["status"] == 400


@pytest.mark.parametrize(
    "request_head",
    [
        "GET /api/health HTTP/1.1|Host: localhost",
        "GET /api/health HTTP/1.1|Host: [::1]:8080",
        "GET http://localhost/api/health HTTP/1.1|Host: localhost",
        "GET /api/health HTTP/1.0|Host: localhost",
    ],
)
def test_other_ways_to_write_a_request_are_taken(service: Up, request_head: str) -> None:
    lines = "".join(f"{line}\r\n" for line in [*request_head.split("|"), "Connection: close"])
    assert raw(service, f"{lines}\r\n".encode())[9:12] == b"200"


def test_open_or_slow_connections_do_not_block_others(
    up: Callable[..., Any],
) -> None:
    """As many as the process may have open, and more; those that report are among them."""
    for service, count in ((up(open_files=64), 80), (up(open_files=256), 300)):
        at = ("127.0.0.1", port(service))
        with ExitStack() as kept:
            for each in range(count):
                one = kept.enter_context(socket.create_connection(at))
                one.sendall(b"GET /api/health HTTP/1.1\r\nX: " if each % 2 else b"")
            for source in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
                with socket.create_connection(at, 20, (source, 0)) as client:
                    client.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert client.recv(100).startswith(b"HTTP/1.1 200")
            # A peer with few connections keeps them, for those of the other give way.
            client = kept.enter_context(socket.create_connection(at, 20, ("127.0.0.2", 0)))
            for _ in range(count):
                kept.enter_context(socket.create_connection(at))
            client.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_headers_that_come_a_byte_at_a_time_are_not_waited_for(service: Up) -> None:
    with socket.create_connection(("127.0.0.1", port(service)), 30) as slow:
        slow.sendall(b"GET /api/health HTTP/1.1\r\nX: ")
        slow.settimeout(0.5)
        for _ in range(120):
            try:
                slow.sendall(b"x")
                answer = slow.recv(100)
            except TimeoutError:
                continue
            except ConnectionError:
                return
            assert answer == b""
            return
    pytest.fail("the connection was kept for as long as it sent")
