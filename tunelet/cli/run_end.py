"""What `tunelet run` writes at the end of a search, and after Ctrl-C."""

import sys
from itertools import islice
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from tunelet.cli import wrapping
from tunelet.cli.connection import Connection
from tunelet.cli.faults import advise
from tunelet.cli.table import printable, width
from tunelet.cli.watch import show_end
from tunelet.client.report import Json, why, winners
from tunelet.client.taking_up import unspent

if TYPE_CHECKING:
    from tunelet.client import Client

_LOOKED_AT = 50
"""The most failed trials of which the reasons are read."""


def show(connection: Connection, client: "Client", last: Json, here: bool) -> None:
    """Print the end, the best trial, the next commands, and the command of the best trial.

    `here`: the search ran in this process.
    """
    show_end(connection, last)
    if here:
        _show_failure(connection, client, last)
    if best := winners(last):
        again = _repeats(last, best[0])
        click.echo(wrapping.introduced("run it again with:", again, width()))


def interrupted(connection: Connection, name: str) -> None:
    """Say how the search continues after Ctrl-C."""
    click.echo(f"{name} has not ended; running trainings finish by themselves", err=True)
    advise("take it up again:", command=_again(connection, name))
    advise(f"look at it: {connection.command('show', name)}")


def _show_failure(connection: Connection, client: "Client", experiment: Json) -> None:
    """Print why the first failed trial failed, unless the reason of the end says it."""
    if not experiment["counts"]["failed"]:
        return
    failed = list(islice(client.trials(experiment["name"], "FAIL", limit=_LOOKED_AT), _LOOKED_AT))
    first, known = failed[0], experiment["reason"] or ""
    if not any(why(trial).rstrip(" …") in known for trial in failed):
        said = f"trial {first['number']} failed: {printable(why(first))}"
        click.echo(wrapping.prose(said, wrapping.columns(sys.stderr)), err=True)
    where = f"{experiment['name']} {first['number']}"
    advise(f"its output: {connection.command('logs', where)}")
    if experiment["state"] == "FAILED" and unspent(experiment):
        if "did you mean" in f"{known} {why(first)}":
            advise("to search for another metric, run it with that one and another --name")
        advise("once the cause is corrected:", command=_again(connection, experiment["name"]))


def _repeats(experiment: Json, best: Json) -> list[str]:
    """The command line of a trial."""
    from tunelet.core.run import Run
    from tunelet.core.spec import Spec
    from tunelet.training.placeholders import resolve

    run = Run(experiment["namespace"], experiment["name"], experiment["uid"], best["number"], 1)
    values = best["hyperparameters"]
    launch = resolve(Spec(experiment["spec"]), run, values, api_url="", token="", checkpoint_url="")
    return [*launch.command, *launch.args]


def _again(connection: Connection, name: str) -> list[str]:
    """The command line that continues this search: the log has what it does not say."""
    space = ["-n", connection.namespace] if connection.namespace != "default" else []
    words = ["tunelet", *space, "run", "--name", name]
    context = click.get_current_context()
    for option in ("data", "store", "parallel"):
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            words += [f"--{option}", str(context.params[option])]
    return words
