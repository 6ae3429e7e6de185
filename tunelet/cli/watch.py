"""watch: shows an experiment until it ends.

In a terminal a live picture (tunelet.cli.live_view); elsewhere a line for each trial that ends,
or with --json a line of JSON. A service that is away for a while is waited for.
"""

import sys
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import click

from tunelet.cli import unattended
from tunelet.cli.connection import Connection, connected_or_stored, name_argument
from tunelet.cli.faults import advise
from tunelet.cli.page import trial_lines
from tunelet.cli.polling import polled
from tunelet.cli.table import colored, printable, width
from tunelet.cli.wrapping import prose
from tunelet.client.report import ENDED, FINAL, Json, assignment, progress, score, why, winners
from tunelet.client.taking_up import WayOn, way_on
from tunelet.errors import Retry

if TYPE_CHECKING:
    from tunelet.client import Client


@click.command("watch")
@name_argument
@connected_or_stored
def watch_command(connection: Connection, name: str) -> int:
    """Watch an experiment until it ends.

    Ctrl-C leaves it running.
    Exits with 0 if it completed and with 1 if it failed or was stopped. With --json each
    trial is written on a line when it has ended, and at last the experiment.

    \b
    Examples:
      tunelet watch digits
      tunelet watch digits | tee digits.log
    """
    return watch(connection, name)


def watch(connection: Connection, name: str) -> int:
    """Show the experiment until it has ended; return the exit code."""
    client = connection.client()
    attended = not _unattended(connection, client, name)
    try:
        last = follow(connection, client, name)
    except KeyboardInterrupt:
        if attended:
            left_running(connection, name)
        return 130
    if not connection.json:
        show_end(connection, last)
    return exit_code(last)


def _unattended(connection: Connection, client: "Client", name: str) -> bool:
    """Whether certainly no process works on it; then say so. Only a store can show that."""
    if client.url.startswith("http"):
        return False
    try:
        return unattended.say(connection, client.experiment(name).json)
    except Retry:
        return False  # `follow` says it, and waits


def follow(connection: Connection, client: "Client", name: str) -> Json:
    """Show the experiment until it has ended; return its last state."""
    if connection.json:
        last = _followed(client, name, _json_line)
        _json_line(last, last)
        return last
    if sys.stdout.isatty():
        from tunelet.cli.live_view import picture

        return picture(client, name)
    return _followed(client, name, _line)


def left_running(connection: Connection, name: str) -> None:
    """Say that the experiment continues after Ctrl-C."""
    click.echo(f"{name} keeps running", err=True)
    advise(f"look again: {connection.command('watch', name)}")
    advise(f"end it: {connection.command('stop', name)}")


def exit_code(experiment: Json) -> int:
    return 0 if experiment["state"] == "COMPLETE" else 1


def show_end(connection: Connection, experiment: Json, here: bool = False) -> None:
    """Print the end, the best trial, and the next commands.

    `here`: the search ran in this process, so the caller says how it continues.
    """
    reason = f" ({printable(experiment['reason'])})" if experiment["reason"] else ""
    name, state = experiment["name"], colored(experiment["state"])
    click.echo(prose(f"{name} is {state}{reason}: {progress(experiment)}", width()))
    best = winners(experiment)
    if len(best) == 1:
        click.echo("\n".join(trial_lines(best[0], experiment["spec"])))
    elif best:
        click.echo(f"{len(best)} trials are on the Pareto front")
        advise(connection.command("best", name))
    if experiment["counts"]["failed"]:
        advise(f"why trials failed: {connection.command('trials', name)} --state FAIL")
    if not here and (way := way_on(experiment)) is not None:
        advise(f"{introduction(way)} {continuation(connection, name, way)}")


def introduction(way: WayOn) -> str:
    return "with more time:" if "max_seconds" in way.more else "once the cause is corrected:"


def budget_flags(more: Json) -> list[str]:
    """The options of `tunelet extend` for a budget."""
    return [word for key, n in more.items() for word in (f"--{key.replace('_', '-')}", str(n))]


def continuation(connection: Connection, name: str, way: WayOn) -> str:
    """The command line with which an experiment of a service continues."""
    if way.retry:
        return connection.command("retry", f"{name} NUMBER")
    if way.more:
        return f"{connection.command('extend', name)} {' '.join(budget_flags(way.more))}"
    return connection.command("resume", name)


def _followed(client: "Client", name: str, write: Callable[[Json, Json], None]) -> Json:
    """Print each trial when it has ended; return the experiment's last state."""
    known: set[int] = set()
    away = False
    looks = polled(lambda: _newest(client, name, next(n for n in count() if n not in known)))
    while True:
        seen = next(looks)
        if isinstance(seen, Retry):
            if not away:
                click.echo(f"{seen}; retrying", err=True)
            away = True
            continue
        away = False
        experiment, trials = seen
        for trial in trials:
            if trial["state"] in ENDED and trial["number"] not in known:
                known.add(trial["number"])
                write(trial, experiment)
        if experiment["state"] in FINAL:
            return experiment


def _newest(client: "Client", name: str, first: int) -> tuple[Json, list[Json]]:
    """The experiment, and its trials from number `first` on."""
    # The experiment first: its last trials are then always in the answer.
    experiment = client.experiment(name).json
    return experiment, list(client.trials(name, after=first - 1))


def _json_line(item: Json, _: Json) -> None:
    import json

    click.echo(json.dumps(item, ensure_ascii=False))


def _line(trial: Json, experiment: Json) -> None:
    best = trial["number"] in [winner["number"] for winner in winners(experiment)]
    parts = [
        f"trial {trial['number']:<4} {trial['state']:<8}",
        score(trial, experiment["spec"]),
        assignment(trial["hyperparameters"]),
        printable(why(trial)) if trial["state"] != "COMPLETE" else "",
        "(best so far)" if best else "",
    ]
    click.echo("  ".join(part for part in parts if part))
