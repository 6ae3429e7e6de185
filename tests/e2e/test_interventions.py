"""One trial stopped and retried, notes and labels: by the command line, with real processes."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.e2e.conftest import Up
from tests.e2e.test_workers import REQUEST as FOR_WORKERS
from tests.e2e.test_workers import workers  # noqa: F401 (a fixture)
from tunelet import tune
from tunelet.cli import main

TRAIN = """
if [ "$TUNELET_TRIAL" = 0 ]; then echo $$ > {folder}/pid; exec sleep 1000; fi
echo objective=1
"""
REQUEST: dict[str, Any] = {
    "name": "digits",
    "model_training_code": "train",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 2,
    "parallel_trials": 1,
    "labels": {"team": "vision"},
}
Wait = Callable[[Callable[[], object]], None]
Text = pytest.CaptureFixture[str]


def alive(folder: Path) -> bool:
    """Whether the training of trial 0 runs."""
    try:
        os.kill(int((folder / "pid").read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def begun(folder: Path) -> bool:
    return (folder / "pid").exists() and bool((folder / "pid").read_text().strip())


@pytest.fixture
def service(up: Callable[..., Up], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Up:
    (tmp_path / "train.sh").write_text(TRAIN.format(folder=tmp_path))
    started = up("--alias", f"train=sh {tmp_path / 'train.sh'}")
    monkeypatch.setenv("TUNELET_URL", started.url)
    return started


def said(capsys: Text, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(list(words)) == code
    return capsys.readouterr().out


def test_a_stopped_trial_is_killed_the_next_one_begins_and_a_retry_ends_well(
    service: Up, tmp_path: Path, wait: Wait, capsys: Text
) -> None:
    service.client.submit(REQUEST)
    wait(lambda: begun(tmp_path))
    assert alive(tmp_path)
    assert "trial 0 of digits is STOPPED" in said(capsys, "stop", "digits", "0")
    wait(lambda: not alive(tmp_path))
    ended = service.client.wait("digits", timeout=60)
    assert (ended.state, ended.counts["stopped"], ended.counts["complete"]) == ("COMPLETE", 1, 1)
    assert "it had ended before" in said(capsys, "stop", "digits", "1")
    out = said(capsys, "retry", "digits", "0")
    assert "added trial 2, a retry of trial 0" in out
    ended = service.client.wait("digits", timeout=60)
    assert (ended.state, ended.counts["complete"]) == ("COMPLETE", 2)
    first, _, again = ended.trials
    assert again.hyperparameters == first.hyperparameters
    assert (again.retry_of, first.retry_of) == (0, None)
    assert "retry of 0" in said(capsys, "trials", "digits")
    said(capsys, "retry", "digits", "1", code=5)
    said(capsys, "retry", "digits", "9", code=3)


def test_notes_and_labels_are_changed_shown_and_selected(service: Up, capsys: Text) -> None:
    service.client.submit({**REQUEST, "max_trials": 1, "enqueue": [{"x": 0.5}]})
    service.client.stop("digits")
    said(capsys, "note", "digits", "data of \x1b[31mMay".replace("\x1b[31m", ""))
    said(capsys, "note", "digits", "0", "too slow")
    assert said(capsys, "note", "digits", "0") == "too slow\n"
    assert said(capsys, "note", "digits") == "data of May\n"
    for text in ("7", "--remove", "-1 is bad"):
        said(capsys, "note", "digits", "--text", text)
        assert service.client.experiment("digits").note == text
        said(capsys, "note", "digits", "0", "--text", text)
        assert service.client.trial("digits", 0).note == text
    said(capsys, "note", "digits", "data of May")
    said(capsys, "note", "digits", "0", "too slow")
    assert "too slow" in said(capsys, "trials", "digits")
    assert "stage=draft" in said(capsys, "label", "digits", "stage=draft", "old=1")
    assert said(capsys, "label", "digits", "old-") == "digits: team=vision stage=draft\n"
    shown = said(capsys, "show", "digits")
    assert "team=vision stage=draft" in shown
    assert "data of May" in shown
    for selector, found in {
        "team=vision": True,
        "team=vision,stage!=final": True,
        "team==vision,!old": True,
        "stage": True,
        "team!=vision": False,
        "old": False,
        "!stage": False,
    }.items():
        names = [
            each["name"]
            for each in json.loads(said(capsys, "list", "--json", "-l", selector))["experiments"]
        ]
        assert names == (["digits"] if found else []), selector
    said(capsys, "note", "digits", "--remove")
    assert service.client.experiment("digits").note is None
    for wrong in (
        ("list", "-l", "=x"),
        ("label", "digits", "x"),
        ("label", "digits", "a=1", "a-"),
        ("label", "digits", "tunelet.dev/a=1"),
        ("note", "digits", "one", "two"),
        ("note", "digits", "text", "--remove"),
        ("note", "digits", "text", "--text", "text"),
        ("note", "digits", "--text", "text", "--remove"),
        ("note", "digits", "--text", ""),
        ("note", "digits", ""),
        ("note", "digits", "\x1b[31m"),
    ):
        said(capsys, *wrong, code=2)


def test_the_worker_of_a_stopped_trial_ends_it_and_takes_the_next(
    service: Up,
    workers: Callable[..., Any],  # noqa: F811
    tmp_path: Path,
    wait: Wait,
) -> None:
    service.client.submit({**FOR_WORKERS, "max_trials": 2})
    worker = workers(service, "--", "sh", str(tmp_path / "train.sh"))
    wait(lambda: begun(tmp_path))
    service.client.stop_trial("shared", 0)
    wait(lambda: not alive(tmp_path))
    output = worker.communicate(timeout=60)
    ended = service.client.experiment("shared")
    assert ended.state == "COMPLETE", output
    assert [trial.state for trial in ended.trials] == ["STOPPED", "COMPLETE"]


def test_a_function_learns_of_the_stop_from_its_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: Wait
) -> None:
    """The stop comes from another terminal, through the folder."""
    monkeypatch.chdir(tmp_path)
    called, told = list[float](), list[bool]()

    def objective(params: dict[str, float], trial: Any) -> float:
        called.append(params["x"])
        if len(called) == 1:
            wait(trial.should_prune)
            told.append(True)
        return params["x"]

    space = {"x": {"type": "float", "min": 0.0, "max": 1.0}}
    found: list[Any] = []

    def search() -> None:
        found.append(
            tune(
                objective,
                space,
                trials=3,
                parallel=1,
                name="called",
                store=(tmp_path / "log").as_uri(),
            )
        )

    thread = Thread(target=search)
    thread.start()
    try:
        wait(lambda: bool(called))
        assert main(["stop", "called", "0", "--store", str(tmp_path / "log")]) == 0
        thread.join(60)
        assert not thread.is_alive()
    finally:
        if thread.is_alive():
            main(["stop", "called", "--store", str(tmp_path / "log")])
    assert told
    assert [each["state"] for each in found[0].trials] == ["STOPPED", "COMPLETE", "COMPLETE"]
