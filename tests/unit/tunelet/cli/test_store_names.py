"""An error about the store names what the user gave."""

import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tunelet.cli import main

RUN = ("--float", "x=0:1", "--minimize", "loss", "--", "true")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("run", "--store", "/a/path", *RUN), "--store"),
        (("up", "--port", "0", "--store", "/a/path"), "--store"),
        (("export", "e", "--store", "/a/path"), "--store"),
        (("doctor", "/a/path"), "STORE"),
        (("verify", "/a/path"), "STORE"),
    ],
)
def test_the_option_or_argument_is_named(
    words: tuple[str, ...], named: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(list(words)) == 2
    err = capfd.readouterr().err
    assert f'error: {named} = "/a/path": names no kind of store\n' in err
    assert "-> write file:///a/path for a folder" in err


def test_an_unknown_scheme_is_that_of_the_option(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--store", "s4://bucket"]) == 2
    assert 'error: --store = "s4://bucket"' in capfd.readouterr().err


def test_the_variable_is_named_if_the_store_is_from_there(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUNELET_STORE", "/a/path")
    assert main(["run", *RUN]) == 2
    assert 'error: TUNELET_STORE = "/a/path"' in capfd.readouterr().err


@pytest.mark.parametrize("given", ["store", "."])
def test_a_command_that_only_reads_takes_a_folder_as_well(
    given: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "store").mkdir()
    assert main(["verify", given, "--json"]) == 0
    assert f'"store": "{(tmp_path / "store").as_uri()}"' in capfd.readouterr().out


@pytest.mark.parametrize("words", [("list",), ("export", "e"), ("pause", "e")])
def test_a_bucket_that_does_not_answer_is_named_with_its_address(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for module in ("adapters.storage", "functions.hosting.over_store"):
        monkeypatch.setattr(f"{module}.COMMAND_SECONDS", 0.0)
    # Without a sleep, a call that is made again fails otherwise.
    monkeypatch.setattr("functions.hosting.near.time", SimpleNamespace(monotonic=time.monotonic))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert main([*words, "--store", "s3://bucket/p"]) == 4
    err = capfd.readouterr().err
    assert re.match(r"error: s3://bucket/p could not be reached: \w+ at http://127.0.0.1:1; ", err)


COMMANDS = (("verify", "--json"), ("doctor", "--json"), ("export", "e"))


@pytest.mark.parametrize("words", COMMANDS)
def test_without_a_store_it_is_that_of_the_searches_here(
    words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tunelet-data" / "store").mkdir(parents=True)
    code = main(list(words))
    out, err = capfd.readouterr()
    store = (tmp_path / "tunelet-data" / "store").as_uri()
    assert "using tunelet-data/store\n" in err
    assert store in out + err
    assert code == (3 if words[0] == "export" else 0)


@pytest.mark.parametrize("words", COMMANDS)
def test_without_any_store_the_remedy_is_said(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(list(words)) == 2
    assert "error: name the store: there is none in tunelet-data; " in capfd.readouterr().err


@pytest.mark.parametrize("words", [("verify",), ("doctor",), ("export", "e", "--store")])
def test_an_absent_folder_is_not_found_and_not_made(
    words: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent"
    assert main([*words, absent.as_uri()]) == 3
    assert f"{absent.as_uri()}: there is no such folder" in capfd.readouterr().err
    assert not absent.exists()
