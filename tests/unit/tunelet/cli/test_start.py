"""The imports of a start, because each import is time before the first answer."""

import subprocess
import sys

import click
import pytest

from tunelet.cli import _COMMANDS, cli


def imported(code: str) -> set[str]:
    """The modules that a new process has after this code."""
    shown = "\nimport sys\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", code + shown], capture_output=True, text=True, check=True
    )
    return set(ran.stderr.split())


def test_importing_tunelet_imports_nothing_else() -> None:
    found = imported("import tunelet")
    assert {name for name in found if name.startswith("tunelet")} == {"tunelet", "tunelet.version"}
    assert not found & {"typing", "json", "click", "urllib3"}


def test_the_help_imports_click_and_no_command() -> None:
    found = imported("from tunelet.cli import main\nmain(['--help'])")
    own = {name for name in found if name.startswith("tunelet.cli.")}
    assert own == {"tunelet.cli.faults"}
    assert not found & {"yaml", "urllib3", "msgspec", "pydantic", "json"}


@pytest.mark.parametrize("arguments", [["run", "--help"], ["list", "--help"], ["best", "--help"]])
def test_the_help_of_a_command_needs_neither_http_nor_yaml(arguments: list[str]) -> None:
    found = imported(f"from tunelet.cli import main\nmain({arguments})")
    assert not found & {"yaml", "urllib3", "msgspec", "pydantic"}


def test_an_export_of_a_service_needs_no_package_of_the_service() -> None:
    assert "msgspec" not in imported("import tunelet.cli.remote_table")


def test_the_client_is_imported_when_it_is_used() -> None:
    assert "urllib3" not in imported("import tunelet.client")
    assert "urllib3" not in imported("from tunelet import Client")
    assert "urllib3" in imported("from tunelet import Client\nClient()")


TUNED = """
import os, tempfile
os.chdir(tempfile.mkdtemp())
from tunelet import tune
tune(lambda params: params["x"], {"x": {"type": "float", "min": 0, "max": 1}}, trials=1)
"""
RAN = """
import os, sys, tempfile
os.chdir(tempfile.mkdtemp())
from tunelet.cli import main
flags = ["--float", "x=0:1", "--minimize", "loss", "-n", "1", "--", "echo", "loss=1"]
assert main(["run", *flags]) == 0
"""


@pytest.mark.parametrize("search", [TUNED, RAN])
def test_a_search_inside_the_process_imports_no_http_and_no_metrics(search: str) -> None:
    found = imported(search)
    unneeded = {"werkzeug", "flask", "waitress", "urllib3", "cloudevents", "prometheus_client"}
    unneeded |= {"yaml", "optuna", "numpy", "kubernetes.client"}
    assert found & unneeded == set()


@pytest.mark.parametrize("name", _COMMANDS)
def test_the_help_repeats_the_summary_of_each_command(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(100) == _COMMANDS[name][1]
