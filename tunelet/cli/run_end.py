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
from tunelet.cli.watch import budget_flags, introduction, show_end
from tunelet.client.report import Json, why, winners
from tunelet.client.taking_up import way_on

if TYPE_CHECKING:
    from tunelet.client import Client

_LOOKED_AT = 50
"""The most failed trials of which the reasons are read."""


def show(connection: Connection, client: "Client", last: Json, here: bool) -> None:
    """Print the end, the best trial, the next commands, and the command of the best trial.

    `here`: the search ran in this process.
    """
    show_end(connection, last, here)
    if here:
        first = _show_failure(connection, client, last)
        _show_way_on(connection, last, first)
    if best := winners(last):
        again = _repeats(last, best[0])
        click.echo(wrapping.introduced("run it again with:", again, width()))


def interrupted(connection: Connection, name: str) -> None:
    """Say how the search continues after Ctrl-C."""
    click.echo(f"{name} has not ended; running trainings finish by themselves", err=True)
    advise("take it up again:", command=_again(connection, name, {}))
    advise(f"look at it: {connection.command('show', name)}")


def _show_failure(connection: Connection, client: "Client", experiment: Json) -> Json | None:
    """Print why the first failed trial failed, unless the reason of the end says it.

    Returns that trial; None if none failed.
    """
    if not experiment["counts"]["failed"]:
        return None
    failed = list(islice(client.trials(experiment["name"], "FAIL", limit=_LOOKED_AT), _LOOKED_AT))
    first, known = failed[0], experiment["reason"] or ""
    if not any(why(trial).rstrip(" …") in known for trial in failed):
        said = f"trial {first['number']} failed: {printable(why(first))}"
        click.echo(wrapping.prose(said, wrapping.columns(sys.stderr)), err=True)
    where = f"{experiment['name']} {first['number']}"
    advise(f"its output: {connection.command('logs', where)}")
    return first


def _show_way_on(connection: Connection, experiment: Json, first: Json | None) -> None:
    """Print the command line with which a search continues that FAILED."""
    way, name = way_on(experiment), experiment["name"]
    if way is None:
        return
    if first is not None and "did you mean" in f"{experiment['reason']} {why(first)}":
        advise("to search for another metric, run it with that one and another --name")
    text, more = introduction(way), way.more
    before = None
    if way.retry and first is not None:
        before = connection.command("retry", f"{name} {first['number']}")
    elif "max_failed_trials" in more:  # run has no such option
        before = f"{connection.command('extend', name)} {' '.join(budget_flags(more))}"
    if before is not None:
        advise(f"{text} {before}")
        text, more = "then:", {}
    advise(text, command=_again(connection, name, more))


def _repeats(experiment: Json, best: Json) -> list[str]:
    """The command line of a trial."""
    from tunelet.core.run import Run
    from tunelet.core.spec import Spec
    from tunelet.training.placeholders import resolve

    run = Run(experiment["namespace"], experiment["name"], experiment["uid"], best["number"], 1)
    values = best["hyperparameters"]
    launch = resolve(Spec(experiment["spec"]), run, values, api_url="", token="", checkpoint_url="")
    return [*launch.command, *launch.args]


def _again(connection: Connection, name: str, more: Json) -> list[str]:
    """The command line that continues this search with that budget, and else as its log has it."""
    space = ["-n", connection.namespace] if connection.namespace != "default" else []
    words = ["tunelet", *space, "run", "--name", name]
    context = click.get_current_context()
    for option in ("data", "store", "parallel"):
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            words += [f"--{option}", str(context.params[option])]
    words += budget_flags(more)
    return words
