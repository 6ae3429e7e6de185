"""pause, resume, stop, extend and delete: commands to an experiment; stop also to a trial."""

import sys
from typing import Any

import click

from tunelet.cli import unattended
from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.faults import advise
from tunelet.cli.table import colored
from tunelet.client.remote import Experiment

_WAITING = ("PAUSED", "STOPPED")
"""The states in which an experiment waits for `resume`."""

_NONE = "none"

RETRIED = ("FAIL", "STOPPED")
"""The states of trials that `retry` accepts."""


def _tell(connection: Connection, experiment: Experiment, next_verb: str) -> None:
    if connection.json:
        write_json(experiment.json)
        return
    click.echo(f"{experiment.name} is {colored(experiment.state)}")
    advise(connection.command(next_verb, experiment.name))


@click.command("pause")
@name_argument
@connected_or_stored
def pause_command(connection: Connection, name: str) -> None:
    """Start no more trials.

    Running trials continue.

    \b
    Example:
      tunelet pause digits
    """
    _tell(connection, connection.client().pause(name), "resume")


@click.command("resume")
@name_argument
@connected_or_stored
def resume_command(connection: Connection, name: str) -> None:
    """Continue an experiment that is paused or stopped.

    \b
    Example:
      tunelet resume digits
    """
    resumed = connection.client().resume(name)
    _tell(connection, resumed, "watch")
    if not connection.json:
        unattended.say(connection, resumed.json)


@click.command("stop")
@name_argument
@click.argument("trial", required=False, type=click.IntRange(0))
@connected_or_stored
def stop_command(connection: Connection, name: str, trial: int | None) -> None:
    """End an experiment and its running trials, or only one trial.

    Its results stay. A stopped trial keeps its place in max_trials.

    \b
    Examples:
      tunelet stop digits
      tunelet stop digits 7
    """
    if trial is None:
        _tell(connection, connection.client().stop(name), "best")
        return
    stopped = connection.client().stop_trial(name, trial)
    if connection.json:
        write_json(stopped)
        return
    had = "" if stopped.state == "STOPPED" else ": it had ended before"
    click.echo(f"trial {trial} of {name} is {colored(stopped.state)}{had}")
    if stopped.state in RETRIED:
        advise(connection.command("retry", f"{name} {trial}"))


class _Limit(click.ParamType[float | str]):
    """A number, or "none", which removes the limit."""

    def __init__(self, number: click.ParamType[int] | click.ParamType[float]) -> None:
        self.name = number.name
        self._number = number

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        return _NONE if value == _NONE else self._number.convert(value, param, ctx)


@click.command("extend")
@name_argument
@click.option("--max-trials", type=int, metavar="N", help="The number of trials.")
@click.option("--parallel-trials", type=int, metavar="N", help="Trials that run at the same time.")
@click.option(
    "--max-failed-trials", type=_Limit(click.INT), metavar="N", help="Failed trials to tolerate."
)
@click.option(
    "--give-up-after",
    type=_Limit(click.INT),
    metavar="N",
    help="Give up after N equal failures at the start; 0: never.",
)
@click.option(
    "--max-seconds",
    type=_Limit(click.FLOAT),
    metavar="S",
    help="End after this many seconds.",
)
@click.option(
    "--max-cost", type=_Limit(click.FLOAT), metavar="C", help="End when this cost is spent."
)
@click.option(
    "--algorithm", "hpo_algorithm", metavar="NAME", help="Use this algorithm from now on."
)
@click.option(
    "--early-stopping",
    "rules",
    multiple=True,
    metavar="RULE",
    help="Use this rule in place of the present ones; may be repeated.",
)
@click.option(
    "--ttl",
    "ttl_seconds_after_finished",
    type=_Limit(click.FLOAT),
    metavar="S",
    help="Seconds after its end until it is deleted.",
)
@connected_or_stored
def extend_command(
    connection: Connection, name: str, rules: tuple[str, ...], **terms: float | str | None
) -> None:
    """Change an experiment's budget, algorithm or stopping rules.

    An experiment that has spent its budget continues. "none" removes a limit, and all rules.

    \b
    Examples:
      tunelet extend digits --max-trials 100
      tunelet extend digits --max-seconds 3600 --parallel-trials 8
      tunelet extend digits --max-cost none --early-stopping median
    """
    changes: dict[str, Any] = {
        field: None if value == _NONE else value
        for field, value in terms.items()
        if value is not None
    }
    if rules:
        changes["early_stopping"] = [] if rules == (_NONE,) else list(rules)
    if not changes:
        raise click.UsageError("nothing to change: name an option, such as --max-trials 100")
    experiment = connection.client().extend(name, **changes)
    _tell(connection, experiment, "resume" if experiment.state in _WAITING else "watch")


@click.command("delete")
@name_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@connected_or_stored
def delete_command(connection: Connection, name: str, yes: bool) -> None:
    """Delete an experiment and its results.

    \b
    Examples:
      tunelet delete digits
      tunelet delete digits --yes
    """
    client = connection.client()
    if not yes:
        experiment = client.experiment(name)
        if not sys.stdin.isatty():
            raise click.UsageError(
                "add --yes: standard input is not a terminal, so delete cannot ask"
            )
        click.confirm(f"Delete {name} ({experiment.state}) with all its results?", abort=True)
    client.delete(name)
    if not connection.json:
        click.echo(f"{name} is deleted")
