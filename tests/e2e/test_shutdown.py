"""SIGTERM and SIGINT end `tunelet up` soon, and answers that come in time are complete.

Here it waits for a file that never comes, a FIFO, as on a network disk that is gone.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.storage.files import FileStore
from tunelet.log.markers import Marker, Markers
from tunelet.log.reader import entry_key

SOON = 10.0
"""Seconds: no measure, but far less than the ends of its own accord of what is waited for."""


def stuck(data: Path) -> Path:
    """Make a live experiment with a log that blocks every reader; returns the FIFO that blocks."""
    store = FileStore(data / "store")
    Markers(store, time.time).set(Marker("default", "stuck", "u", 0))
    fifo = data / "store" / entry_key("v1/default/stuck/", 1)
    fifo.parent.mkdir(parents=True)
    os.mkfifo(fifo)
    return fifo


def connection(service: Any) -> HTTPConnection:
    address = urlsplit(service.url)
    assert address.hostname is not None
    return HTTPConnection(address.hostname, address.port, timeout=SOON)


def refused(service: Any) -> bool:
    try:
        connection(service).connect()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture
def service(up: Callable[..., Any], tmp_path: Path) -> Any:
    stuck(tmp_path / "data0")
    return up()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_while_sweep_and_requests_wait_for_the_disk(
    service: Any, number: int
) -> None:
    waiting = connection(service)
    waiting.request("GET", "/api/experiments/stuck")
    service.process.send_signal(number)
    assert service.process.wait(SOON) == 0
    assert "Traceback" not in service.output.read_text()


def test_the_port_is_closed_before_the_service_ends(
    service: Any, wait: Callable[..., None]
) -> None:
    service.process.send_signal(signal.SIGTERM)
    wait(lambda: refused(service) or service.process.poll() is not None)
    assert service.process.poll() is None
    assert service.process.wait(SOON) == 0


def test_a_request_in_progress_is_answered_if_there_is_time(
    up: Callable[..., Any], tmp_path: Path, wait: Callable[..., None]
) -> None:
    fifo = stuck(tmp_path / "data0")
    service = up()
    answers: list[int] = []

    def ask() -> None:
        under_way = connection(service)
        under_way.request("GET", "/api/experiments/stuck")
        answers.append(under_way.getresponse().status)

    asking = threading.Thread(target=ask)
    asking.start()
    _answered_later(service)
    service.process.send_signal(signal.SIGTERM)
    wait(lambda: refused(service))
    wait(lambda: _ended(fifo) and not asking.is_alive())
    assert answers == [500]
    assert service.process.wait(SOON) == 0


def _ended(fifo: Path) -> bool:
    """Let the blocked readers see the end of a file without an entry."""
    with suppress(OSError):
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    return True


def _answered_later(service: Any) -> None:
    """Wait until earlier requests are in progress."""
    time.sleep(0.2)
    later = connection(service)
    later.request("GET", "/api/health")
    assert later.getresponse().status == 200
