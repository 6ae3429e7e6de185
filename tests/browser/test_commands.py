"""The commands that the page shows, run by a shell: each does the same as its button."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, submit
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

NASTY = (
    *("-1 is bad", "--remove", "--", "7", "it's $HOME `id` $(id) \\", '"q" !! ~ * #;&|', "=ls"),
    "two\nlines, the last of them empty\n",
)
CHOICES = [
    *("-1", "1", 1, '"q"', "true ", True, "null", None, "NaN", ""),
    *("it's $HOME `id`", "a=b", "line\nbreak\x1b[31m"),
]
SPACE = {
    "rate": {"type": "float", "min": 0.1, "max": 1},
    "opt": {"type": "categorical", "choices": CHOICES},
}


@pytest.fixture
def name(service: Up) -> str:
    """A paused experiment that has a trial: it adds no other by itself."""
    made = f"c{uuid4().hex[:8]}"
    submit(
        service, made, hyperparameters=SPACE, max_trials=100, parallel_trials=1, labels={"a": "b"}
    )
    service.client.pause(made)
    # Before the pause it may have begun none.
    service.client.enqueue(made, [{"rate": 0.5, "opt": "a=b"}])
    return made


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], str]:
    """Runs a command line in a shell of a person who works with another service and namespace."""
    beside = tmp_path / "bin"
    beside.mkdir()
    called = (
        f'exec {sys.executable} -c "import sys; from tunelet.cli import main; sys.exit(main())"'
    )
    (beside / "tunelet").write_text(f'#!/bin/sh\n{called} "$@"\n')
    (beside / "tunelet").chmod(0o755)
    others = {"TUNELET_URL": "http://127.0.0.1:9", "TUNELET_NAMESPACE": "elsewhere"}
    root = str(Path(__file__).resolve().parents[2])
    env = os.environ | others | {"PATH": f"{beside}:{os.environ['PATH']}", "PYTHONPATH": root}

    def ran(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    return ran


def command(place: Page | Locator) -> str:
    return place.get_by_label("Command", exact=True).text_content() or ""


def opened(page: Page, verb: str) -> Locator:
    page.locator(".actions").get_by_role("button", name=verb, exact=True).click()
    return page.get_by_role("dialog")


def done(dialog: Locator) -> None:
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("trial", [None, 0])
def test_a_note_is_the_same(
    service: Up, name: str, shown: Open, run: Callable[[str], str], trial: int | None
) -> None:
    client = service.client
    page = shown(f"#/default/{name}?trial=0")
    panel, dialog = page.get_by_role("complementary"), page.get_by_role("dialog")

    def recorded() -> str | None:
        return client.experiment(name).note if trial is None else client.trial(name, 0).note

    for text in NASTY:
        if trial is None:
            opened(page, "Note")
        else:
            panel.get_by_role("button", name="ote…").click()
        dialog.get_by_label("Note", exact=True).fill(text)
        run(command(dialog))
        assert recorded() == text
        client.note(name, "") if trial is None else client.note_trial(name, 0, "")
        done(dialog)
        assert recorded() == text
    if trial is None:
        opened(page, "Note")
    else:
        panel.get_by_role("button", name="ote…").click()
    dialog.get_by_label("Note", exact=True).fill("")
    run(command(dialog))
    assert recorded() is None


def test_a_proposal_is_the_same(
    service: Up, name: str, shown: Open, run: Callable[[str], str]
) -> None:
    page = shown(f"#/default/{name}")
    for index, choice in enumerate(CHOICES):
        dialog, note = opened(page, "Propose"), NASTY[index % len(NASTY)].replace("\n", " ")
        dialog.get_by_role("spinbutton").fill("1e-1")
        dialog.get_by_role("combobox").select_option(index=index + 1)
        dialog.get_by_label("Note").fill(note)
        run(command(dialog))
        done(dialog)
        by_shell, by_button = list(service.client.trials(name))[-2:]
        for trial in (by_shell, by_button):
            given = trial.hyperparameters["opt"]
            assert (given, type(given)) == (choice, type(choice))
            assert (trial.hyperparameters["rate"], trial.note) == (0.1, note)
    page.evaluate("location.hash += '?trial=1'")
    repeated = page.get_by_role("complementary").locator(".copied", has_text="propose")
    run(command(repeated))
    again = list(service.client.trials(name))[-1]
    assert again.hyperparameters == service.client.trial(name, 1).hyperparameters


def test_labels_and_a_budget_are_the_same(
    service: Up, name: str, shown: Open, run: Callable[[str], str]
) -> None:
    client, page = service.client, shown(f"#/default/{name}")
    values = [text.replace("\n", " ").strip() for text in NASTY]
    wanted = {f"l{index}": value for index, value in enumerate(values)} | {"empty": ""}
    dialog = opened(page, "Labels")
    dialog.get_by_role("textbox").fill("".join(f"{key}={value}\n" for key, value in wanted.items()))
    run(command(dialog))
    assert client.experiment(name).labels == wanted
    client.label(name, {"a": "b"} | dict.fromkeys(wanted))
    done(dialog)
    assert client.experiment(name).labels == wanted
    dialog = opened(page, "Extend")
    trials = dialog.get_by_label("Trials", exact=True)
    trials.fill("0")
    dialog.locator("button[type=submit]").click()
    expect(dialog.locator("#extend-max_trials-fault")).to_contain_text("Trials must be")
    trials.fill("1.2e2")
    dialog.get_by_label("Seconds", exact=True).fill("1e5")
    dialog.get_by_label("Equal failures").fill("7")
    dialog.get_by_label("until it is deleted").fill("1e6")
    dialog.get_by_label("Algorithm").fill("sobol")
    dialog.get_by_label("Early stopping").fill("median, plateau")
    run(command(dialog))
    by_shell = client.experiment(name).spec
    assert (by_shell["max_trials"], by_shell["max_seconds"]) == (120, 1e5)
    assert (by_shell["give_up_after"], by_shell["ttl_seconds_after_finished"]) == (7, 1e6)
    assert by_shell["hpo_algorithm"]["name"] == "sobol"
    assert [rule["name"] for rule in by_shell["early_stopping"]] == ["median", "plateau"]
    client.extend(
        name,
        max_trials=100,
        max_seconds=2e5,
        give_up_after=3,
        ttl_seconds_after_finished=None,
        hpo_algorithm="tpe",
        early_stopping=[],
    )
    done(dialog)
    assert client.experiment(name).spec == by_shell
    dialog = opened(page, "Extend")
    dialog.get_by_label("Seconds", exact=True).fill("")
    dialog.get_by_label("Early stopping").fill("")
    run(command(dialog))
    unlimited = client.experiment(name).spec
    assert (unlimited["max_seconds"], unlimited["early_stopping"]) == (None, [])
    client.extend(name, max_seconds=2e5, early_stopping="median")
    done(dialog)
    assert client.experiment(name).spec == unlimited


def test_states_are_the_same_in_any_namespace(
    service: Up, shown: Open, run: Callable[[str], str]
) -> None:
    team = type(service.client)(service.url, "team")
    space = {"pause": {"type": "categorical", "choices": [1000]}, "rate": SPACE["rate"]}
    for each in ("one", "two"):
        code = {"image": "train", "env": {"GREETING": each}}
        request = {"name": each, "model_training_code": code, "hyperparameters": space}
        team.submit({**request, "parallel_trials": 1, "hpo_algorithm": "random_search"})
    page = shown("#/team/one?trial=0")
    panel, dialog = page.get_by_role("complementary"), page.get_by_role("dialog")
    for verb, state in (("Pause", "PAUSED"), ("Resume", "RUNNING")):
        run(command(opened(page, verb)))
        assert team.experiment("one").state == state
        page.keyboard.press("Escape")
        expect(page.locator(".head .state")).to_have_text(state.lower())
    expect(panel.locator(".state").first).to_have_text("running")
    panel.get_by_role("button", name="Stop…").click()
    run(command(dialog))
    assert team.trial("one", 0).state == "STOPPED"
    page.keyboard.press("Escape")
    panel.get_by_role("button", name="Retry…").click()
    run(command(dialog))
    assert team.experiment("one").spec["max_trials"] == 21
    page.keyboard.press("Escape")
    run(command(opened(page, "Stop")))
    assert team.experiment("one").state == "STOPPED"
    page.keyboard.press("Escape")
    expect(page.locator(".head .state")).to_have_text("stopped")
    run(command(opened(page, "Delete")))
    assert [each.name for each in team.experiments()] == ["two"]
    team.delete("two")


def test_a_request_is_the_same(service: Up, shown: Open, run: Callable[[str], str]) -> None:
    client, name = service.client, f"c{uuid4().hex[:8]}"
    page = shown("#/default/+")
    request: dict[str, Any] = {
        "name": name,
        "model_training_code": {"image": "nowhere/of:this", "env": {"A": "it's $HOME `id`\nEND\n"}},
        "labels": {"a": "'END'"},
        "hyperparameters": SPACE,
        "max_trials": 2,
    }
    # JSON is YAML, too.
    page.get_by_label("The request as YAML").fill(json.dumps(request))
    run(command(page.locator(".submit")))
    by_shell: dict[str, Any] = client.experiment(name).json["spec"]
    client.delete(name)
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert client.experiment(name).json["spec"] == by_shell
    assert by_shell["model_training_code"]["env"] == request["model_training_code"]["env"]
    client.delete(name)


def test_a_training_is_repeated_by_its_command_or_none_is_shown(
    service: Up, ended: str, tmp_path: Path, shown: Open, run: Callable[[str], str]
) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    (folder / "train.sh").write_text(
        'echo "$SAID"; for each in "$@"; do echo "objective=$each"; done'
    )
    code = {"command": ["sh", "train.sh"], "workdir": str(folder), "env": {"SAID": "it's $HOME"}}
    name, space = f"c{uuid4().hex[:8]}", {"x": {"type": "categorical", "choices": ["$(id) 'q'"]}}
    submit(service, name, model_training_code=code, hyperparameters=space, max_trials=1)
    service.client.wait(name, timeout=60)
    page = shown(f"#/default/{name}?trial=0")
    panel = page.get_by_role("complementary")
    shown_output = b"".join(service.client.logs(name, 0)).decode()
    assert "--x=$(id) 'q'" in shown_output
    assert run(command(panel.locator(".copied").first)) == shown_output
    assert run(command(panel.locator(".copied").last)) == shown_output
    expect(panel).to_contain_text("extend it to propose")
    # An image's name alone is no program.
    page.goto(f"{service.url}/#/default/{ended}?trial=0")
    expect(panel.locator(".copied")).to_have_count(1)
    assert run(command(panel)) == b"".join(service.client.logs(ended, 0)).decode()
