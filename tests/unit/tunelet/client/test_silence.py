"""A call without an answer warns before it gives up."""

import logging
import socket

import pytest

from tunelet.client import silence
from tunelet.client.transport import ConnectionRefused, Transport


def refused(seconds: float) -> None:
    with socket.socket() as bound:
        # Bound and not listening: connections are refused for as long as the socket is open.
        bound.bind(("127.0.0.1", 0))
        call = Transport(f"http://127.0.0.1:{bound.getsockname()[1]}", "a", seconds, seconds).call
        with pytest.raises(ConnectionRefused):
            call("GET", "/api/experiments")


def test_a_call_that_waits_for_long_warns_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(silence, "_AFTER", 0.0)
    refused(1.0)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    message = record.getMessage()
    assert message.startswith("nothing answers at http://127.0.0.1:")
    assert message.endswith("(Connection refused); trying again for up to 1 s")


def test_a_call_that_waits_for_a_moment_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    refused(0.5)
    assert not caplog.records
