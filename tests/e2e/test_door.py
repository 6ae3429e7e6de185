"""Who may call `tunelet up`, and how much they may send: over real connections."""

import json
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import urllib3

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


def test_many_connections_that_are_kept_open_shut_nobody_out(up: Callable[..., Any]) -> None:
    """As trainings do that report now and then."""
    service = up()
    at = ("127.0.0.1", int(service.url.rpartition(":")[2]))
    with ExitStack() as kept:
        for _ in range(200):
            kept.enter_context(socket.create_connection(at))
        assert urllib3.request("GET", f"{service.url}/api/health", timeout=20.0).status == 200
