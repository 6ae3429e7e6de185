"""worker: run trials of an experiment on this machine."""

import importlib
import json
import signal
from typing import TYPE_CHECKING, Any

import click

from tunelet.cli.connection import Connection, connected, name_argument
from tunelet.cli.faults import advise
from tunelet.cli.program import CommandAfterDashes, require
from tunelet.cli.table import printable
from tunelet.cli.watch import continuation, introduction
from tunelet.client.report import assignment, why
from tunelet.client.taking_up import way_on
from tunelet.core.lease import USUAL
from tunelet.errors import TuneletError

if TYPE_CHECKING:
    from tunelet.client.client import Client
    from tunelet.client.trial import Trial


@click.command("worker", cls=CommandAfterDashes, context_settings={"ignore_unknown_options": False})
@click.option(
    "-j",
    "--parallel",
    type=click.IntRange(1, 1000),
    metavar="N",
    default=1,
    show_default=True,
    help="Trials that run at the same time.",
)
@click.option(
    "--lease",
    type=click.FloatRange(5, 86400),
    metavar="S",
    default=USUAL,
    show_default=True,
    help="Seconds of silence after which a trial is given to another worker.",
)
@name_argument
@click.argument("command", nargs=-1, required=True, metavar="-- COMMAND...")
@connected
def worker_command(
    connection: Connection, name: str, command: tuple[str, ...], parallel: int, lease: float
) -> int:
    """Run trials of an experiment on this machine.

    It ends once there are no more trials. The experiment has
    "model_training_code": {"workers": true}. Any number of workers, on any machines that reach the
    service, share its trials. Each runs COMMAND once for a trial, in this folder, with --NAME=VALUE
    for each hyperparameter (or where COMMAND has ${hyperparameters.NAME}), and reads the metrics
    from what it prints.

    Ctrl-C and SIGTERM give the trials back for others to run.

    \b
    Examples:
      tunelet worker digits -- python train.py
      tunelet worker digits -j 4 --url http://10.0.0.5:8080 -- ./train.sh
    """
    require(command)
    client = connection.client()
    show = _json_line if connection.json else _Lines(connection, name)
    with _hosting().opened(client, name, command, parallel, lease, show) as worker:
        received = _ended_by_signals(worker)
        worker.work()
    if received:
        return 128 + received[0]
    if not connection.json:
        _show_way_on(connection, client, name)
    return 0


def _show_way_on(connection: Connection, client: "Client", name: str) -> None:
    """Say how an experiment continues that has FAILED."""
    try:
        way = way_on(client.experiment(name).json)
    except TuneletError:
        return  # the trials have been told, and that counts
    if way is not None:
        advise(f"{introduction(way)} {continuation(connection, name, way)}")
        advise("then start its workers again")


def _ended_by_signals(worker: Any) -> list[int]:
    """End the worker on SIGINT and SIGTERM; returns the signals that came."""
    received: list[int] = []

    def end(number: int, _: Any) -> None:
        received.append(number)
        worker.end()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return received


def _hosting() -> Any:
    from tunelet.bundle import activate

    activate()
    try:
        return importlib.import_module("functions.hosting.worker")
    except ModuleNotFoundError as fault:
        raise click.ClickException(
            f"a worker needs more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault


class _Lines:
    """Writes a line for each trial, and after the first that failed, what shows the reason."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name
        self._explained = False

    def __call__(self, shown: "Trial | str") -> None:
        _line(shown)
        if isinstance(shown, str) or shown.state != "FAIL" or self._explained:
            return
        self._explained = True
        which = f"{self._name} {shown.number}"
        advise(f"its output: {self._connection.command('logs', which)}")
        advise(f"why others failed: {self._connection.command('trials', self._name)} --state FAIL")


def _line(shown: "Trial | str") -> None:
    if isinstance(shown, str):
        click.echo(printable(shown), err=True)
        return
    # A training that echoes its arguments prints metrics of their names.
    printed = {k: v for k, v in shown.values.items() if k not in shown.hyperparameters}
    parts = [
        f"trial {shown.number:<4} {shown.state:<8}",
        assignment(printed),
        assignment(shown.hyperparameters),
        printable(why(shown)) if shown.state != "COMPLETE" else "",
    ]
    click.echo("  ".join(part for part in parts if part))


def _json_line(shown: "Trial | str") -> None:
    if isinstance(shown, str):
        _line(shown)
    else:
        click.echo(json.dumps(shown, ensure_ascii=False))
