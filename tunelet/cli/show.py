"""list, show, trials and best: experiments and their trials."""

import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tunelet.cli import unattended
from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.faults import advise
from tunelet.cli.page import experiment_lines, trial_lines
from tunelet.cli.selector import selector
from tunelet.cli.table import lines, printable, width
from tunelet.cli.wrapping import columns_of
from tunelet.client.report import (
    FINAL,
    Json,
    created,
    experiment_table,
    failures,
    trial_table,
    winners,
)
from tunelet.errors import NotFound

if TYPE_CHECKING:
    from tunelet.client import Client

_SHOWN = 50
_REASONS = 5
_HINTS = 5
"""The most experiments of a list of which it says how they continue."""


@click.command("list")
@click.option("--state", metavar="STATE", help="Only those in this state, such as RUNNING.")
@click.option(
    "-l",
    "--selector",
    "labels",
    metavar="LABELS",
    help="Only those with these labels, such as team=vision,stage!=draft,owner,!old.",
)
@connected_or_stored
def list_command(connection: Connection, state: str | None, labels: str | None) -> None:
    """List the experiments of a namespace.

    \b
    Examples:
      tunelet list
      tunelet list --state RUNNING
      tunelet list -l team=vision
      tunelet list --json | jq -r '.experiments[].name'
    """
    fits = (lambda _: True) if labels is None else selector(labels)
    experiments = connection.client().experiments(state and state.upper())
    found = [item.json for item in experiments if fits(item.labels)]
    if connection.json:
        write_json({"experiments": found, "next": None})
    elif found:
        click.echo("\n".join(listed(found, width())))
        for experiment in [item for item in found if "needs" in item][:_HINTS]:
            unattended.say(connection, experiment)
    else:
        which = "" if labels is None else " with these labels"
        click.echo(f"no experiments{which} in namespace {connection.namespace}", err=True)


def listed(experiments: list[Json], columns: int | None) -> list[str]:
    """The list's lines. Where they are too wide, the metrics' names give way to their values."""
    table = experiment_table(experiments, time.time())
    widest = max(columns_of(line) for line in lines(table, None))
    if columns is not None and widest > columns:
        table = experiment_table(experiments, time.time(), brief=True)
    return lines(table, columns)


@click.command("show")
@name_argument
@connected_or_stored
def show_command(connection: Connection, name: str) -> None:
    """Show the state, search space and best of an experiment.

    \b
    Examples:
      tunelet show digits
      tunelet show digits --json | jq .spec
    """
    client = connection.client()
    experiment = client.experiment(name).json
    if connection.json:
        write_json(experiment)
        return
    click.echo("\n".join(experiment_lines(experiment, time.time())))
    unattended.say(connection, experiment)
    if not experiment["counts"]["failed"]:
        return
    if winners(experiment):
        advise(f"why trials failed: {connection.command('trials', name)} --state FAIL")
        return
    # Without a result, the reasons of failures are the most useful part.
    click.echo()
    failed = list(islice(client.trials(name, "FAIL", limit=_SHOWN), _SHOWN))
    _explain(failed)
    first = f"{name} {failed[0]['number']}"
    advise(f"the output of trial {failed[0]['number']}: {connection.command('logs', first)}")


@click.command("trials")
@name_argument
@click.option("--state", metavar="STATE", help="Only those in this state, such as FAIL.")
@click.option(
    "--all", "everything", is_flag=True, help=f"All trials. [default: the newest {_SHOWN}]"
)
@connected_or_stored
def trials_command(connection: Connection, name: str, state: str | None, everything: bool) -> None:
    """List the trials of an experiment.

    The best one is marked with a star.

    \b
    Examples:
      tunelet trials digits
      tunelet trials digits --state FAIL
      tunelet trials digits --json | jq '.trials[] | .values.loss'
    """
    client = connection.client()
    wanted = state and state.upper()
    if connection.json:
        write_json({"trials": list(client.trials(name, wanted)), "next": None})
        return
    experiment = client.experiment(name).json
    # With a filter on the state, the numbers of the newest trials are not known in advance.
    skipped = 0 if everything or wanted else max(0, created(experiment) - _SHOWN)
    found = list(client.trials(name, wanted, after=skipped - 1 if skipped else None))
    if not found:
        click.echo(f"{name} has no {wanted + ' ' if wanted else ''}trials", err=True)
        return
    stars = [trial["number"] for trial in winners(experiment)]
    table = trial_table(found, experiment["spec"], time.time(), stars)
    click.echo("\n".join(lines(table, width())))
    if width() is not None:
        # The table may truncate the notes.
        _explain(found)
    if skipped:
        click.echo(f"{skipped} earlier trials: --all shows them", err=True)


def _explain(trials: Iterable[Json]) -> None:
    """Print why trials failed."""
    for failure in failures(trials)[-_REASONS:]:
        click.echo(f"failed {printable(failure)}")


@click.command("best")
@name_argument
@click.option(
    "--download",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write its checkpoint's files to DIR; of a front, each trial's to DIR/NUMBER.",
)
@connected_or_stored
def best_command(connection: Connection, name: str, folder: Path | None) -> None:
    """Show the best trial, or the Pareto front.

    \b
    Examples:
      tunelet best digits
      tunelet best digits --download model
      tunelet best digits --json | jq .best.hyperparameters
    """
    client = connection.client()
    experiment = client.experiment(name).json
    best = winners(experiment)
    if folder is not None:
        _download(client, name, [trial["number"] for trial in best], folder)
    if connection.json:
        write_json({key: experiment[key] for key in ("best", "pareto") if key in experiment})
        return
    if not best:
        still = "" if experiment["state"] in FINAL else " yet"
        click.echo(f"{name} has no completed trial{still}", err=True)
    elif len(best) == 1:
        click.echo("\n".join(trial_lines(best[0], experiment["spec"])))
    else:
        click.echo("\n".join(lines(trial_table(best, experiment["spec"], time.time()), width())))


def _download(client: "Client", name: str, numbers: list[int], folder: Path) -> None:
    """Write the checkpoints of these trials, and say on standard error what was written."""
    if not numbers:
        raise NotFound(f"{name} has no completed trial")
    for number in numbers:
        target = folder if len(numbers) == 1 else folder / str(number)
        try:
            written = client.artifacts(name, number).download(target)
        except OSError as fault:
            raise click.ClickException(f"cannot write to {target}: {fault.strerror}") from fault
        if not written:
            raise NotFound(f"trial {number} of {name} has no files in its checkpoint")
        files = f"{len(written)} file{'s'[: len(written) > 1]}"
        click.echo(f"{files} of trial {number} written to {target}", err=True)
