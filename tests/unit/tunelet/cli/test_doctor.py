"""`tunelet doctor` tests a store and shows the result for each right."""

import json
from pathlib import Path

import pytest

from tunelet.cli import main
from tunelet.store_probe import PURPOSES


def test_every_right_is_shown_with_its_latency_and_purpose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", tmp_path.as_uri()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "RIGHT"
    for line, (right, purpose) in zip(lines[1:], PURPOSES.items(), strict=False):
        assert line.split()[:2] == [right, "ok"]
        assert float(line.split()[2]) <= float(line.split()[3])
        assert line.endswith(purpose)
    assert lines[5].split()[:2] == ["promises", "kept"]
    assert [p.name for p in tmp_path.iterdir()] == [".tunelet"]


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", tmp_path.as_uri(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trusted"] is True
    assert found["promises"] == "kept"
    assert [right["result"] for right in found["rights"]] == ["ok"] * 4
    assert all(0 < right["p50_seconds"] <= right["max_seconds"] for right in found["rights"])


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/a", "file://host/a"])
def test_an_invalid_store_is_an_error_of_one_line(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", url]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")


def test_a_store_that_does_not_answer_has_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert main(["doctor", "s3://bucket"]) == 4
    captured = capsys.readouterr()
    assert captured.out.count("no answer") == 4
    assert captured.err.count("error: ") == 1
