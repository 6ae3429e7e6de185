"""Settings say at once all that is wrong; logs are one JSON object a line; strict is strict."""

import io
import json
import logging
from pathlib import Path

import pytest

from adapters.events.cloudevents import BrokerPublisher
from adapters.events.signature import Signature
from functions.settings import Settings
from functions.telemetry import log
from functions.wiring import outbox
from tunelet.core.signal import FINISHED, Signal
from tunelet.errors import Reject, Retry
from tunelet.text.strict_json import NotJson, decode

ENVIRONMENT = {
    "TUNELET_STORE": "file:///data",
    "TUNELET_SECRET": "0123456789abcdef",
    "TUNELET_LAUNCHER": "process:///runs",
}


def test_settings_have_defaults_for_all_but_three() -> None:
    settings = Settings.from_env(ENVIRONMENT)
    assert settings.store == "file:///data"
    assert settings.max_body_bytes == 1 << 20
    assert settings.sink is None
    assert settings.aliases == {}


def test_no_output_may_be_stored_but_not_less_than_none() -> None:
    assert Settings.from_env(ENVIRONMENT).output_bytes == 1 << 20
    assert Settings.from_env({**ENVIRONMENT, "TUNELET_OUTPUT_BYTES": "0"}).output_bytes == 0
    with pytest.raises(Reject) as refusal:
        Settings.from_env({**ENVIRONMENT, "TUNELET_OUTPUT_BYTES": "-1"})
    assert [error.field for error in refusal.value.errors] == ["TUNELET_OUTPUT_BYTES"]


def test_an_alias_is_a_command_as_a_shell_would_split_it() -> None:
    aliases = json.dumps({"trainer": "python 'my train.py'"})
    settings = Settings.from_env({**ENVIRONMENT, "TUNELET_ALIASES": aliases})
    assert settings.aliases == {"trainer": ["python", "my train.py"]}


def test_all_faults_are_named_at_once_without_showing_the_secret() -> None:
    wrong = {
        "TUNELET_SECRET": "short",
        "K_SINK": "broker",
        "TUNELET_API_URL": "ftp://x",
        "TUNELET_ALIASES": '["x"]',
        "TUNELET_MAX_PROCESSES": "-1",
        "TUNELET_MAX_BODY_BYTES": "many",
        "TUNELET_QUOTAS": "many",
    }
    with pytest.raises(Reject) as refusal:
        Settings.from_env(wrong)
    errors = refusal.value.errors
    assert {error.field for error in errors} == {*wrong, "TUNELET_STORE", "TUNELET_LAUNCHER"}
    assert all(error.remedy for error in errors)
    assert "short" not in {error.value for error in errors}


def test_signals_are_dropped_without_a_broker() -> None:
    outbox(Settings.from_env(ENVIRONMENT)).publish(Signal(FINISHED, "default", "digits"))


def test_a_broker_that_cannot_be_reached_is_a_passing_fault() -> None:
    publisher = BrokerPublisher("http://127.0.0.1:9/", Signature())
    with pytest.raises(Retry):
        publisher.publish(Signal(FINISHED, "default", "digits"))


def test_a_log_line_is_json_with_its_subject() -> None:
    stream = io.StringIO()
    log.configure("suggest", stream)
    log.LOGGER.info("asked", extra={"namespace": "team", "experiment": "digits", "trial": 3})
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("tunelet.engine.loop").exception("failed\nbadly")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "severity": "INFO",
        "message": "asked",
        "function": "suggest",
        "namespace": "team",
        "experiment": "digits",
        "trial": 3,
    }
    assert (second["severity"], second["message"]) == ("ERROR", "failed\nbadly")
    assert "KeyError" in second["trace"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\xff\xfe{\x00", "UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' occurs twice"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e400]", "out of range"),
        (b"18446744073709551616", "64 bits"),
        (b"-" + b"1" * 5000, "64 bits"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b"[" * 65 + b"]" * 65, "nested"),
        (b"{}{}", "line 1, column 3"),
    ],
)
def test_json_that_means_different_things_to_different_readers_is_refused(
    text: bytes, why: str
) -> None:
    with pytest.raises(NotJson, match=why):
        decode(text)


def test_json_that_all_readers_agree_on_is_read() -> None:
    assert decode('{"a": ["é\\ud83d\\ude00", 18446744073709551615, -1.5e3, null]}'.encode()) == {
        "a": ["é😀", 18446744073709551615, -1500.0, None]
    }
    assert decode(b"[" * 60 + b"]" * 60)


def test_the_policy_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"standard": "restricted"}')
    found = Settings.from_env({**ENVIRONMENT, "TUNELET_POLICY": str(path)}).policies
    assert found.of("any").standard == "restricted"


def test_an_absent_file_of_the_policy_is_named() -> None:
    with pytest.raises(Reject) as refusal:
        Settings.from_env({**ENVIRONMENT, "TUNELET_POLICY": "/no/such/file"})
    (error,) = refusal.value.errors
    assert (error.field, error.value) == ("TUNELET_POLICY", "/no/such/file")
