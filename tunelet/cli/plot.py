"""plot: one picture of an experiment, as an SVG or PNG file."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.output_file import opened

if TYPE_CHECKING:
    from tunelet.client.client import Client
    from tunelet.client.results import Results
    from tunelet.client.svg import Plot
    from tunelet.client.trial import Trial

Json = dict[str, Any]

_KINDS = (
    "history",
    "parallel",
    "slices",
    "scatter",
    "curves",
    "importance",
    "timeline",
    "pareto",
)
_ENDINGS = (".svg", ".png")


@click.command("plot")
@name_argument
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default="history",
    help="What to draw. [default: history]",
)
@click.option("-o", "--output", metavar="FILE", help="[default: NAME-KIND.svg]")
@click.option("--x", metavar="NAME", help="A scatter's axis across. [default: the most important]")
@click.option("--y", metavar="NAME", help="A scatter's axis up. [default: the second one]")
@connected_or_stored
def plot_command(
    connection: Connection,
    name: str,
    kind: str,
    x: str | None,
    y: str | None,
    output: str | None,
) -> None:
    """Draw an experiment into an SVG or PNG file.

    FILE ends with .svg or .png; "-" writes SVG to standard output. PNG needs 'tunelet[png]'.
    pareto needs two objectives; the others draw the first one. A scatter is of any two of the
    hyperparameters, the metrics and "trial", its number.

    \b
    Examples:
      tunelet plot digits
      tunelet plot digits --kind parallel -o digits.png
      tunelet plot digits --kind scatter --x lr --y loss
      tunelet plot digits --store tunelet-data --kind importance -o - > digits.svg
    """
    target = output or f"{name}-{kind}.svg"
    ending = Path(target).suffix.lower()
    if target != "-" and ending not in _ENDINGS:
        remedy = "end it with .svg or .png, or give - for standard output"
        raise click.UsageError(f"--output {target} has an unknown ending: {remedy}")
    axes = {axis: given for axis, given in (("x", x), ("y", y)) if given is not None}
    if axes and kind != "scatter":
        raise click.UsageError(f"--{next(iter(axes))} needs --kind scatter, and this is {kind}")
    file = _file(_results(connection, name), kind, axes, ending)
    with opened(target) as out:
        out.write(file)
    if target == "-":
        return
    if connection.json:
        write_json({"file": target, "bytes": len(file)})
    else:
        click.echo(f"{target}  {len(file) / 1000:.0f} kB")


def _file(results: "Results", kind: str, axes: dict[str, str], ending: str) -> bytes:
    try:
        plot: Plot = getattr(results, f"plot_{kind}")(**axes)
        return plot.png() if ending == ".png" else plot.file()
    except (ImportError, ValueError) as fault:
        raise click.ClickException(str(fault)) from fault


def _results(connection: Connection, name: str) -> "Results":
    from tunelet.client.results import Results

    client = connection.client()
    experiment = client.experiment(name).json
    trials = list(_trials(client.columns(name), experiment["spec"]["hyperparameters"]))

    class Read(Results):
        def _results(self) -> tuple[Json, Sequence["Trial"]]:
            return experiment, trials

        def _with_reports(self, trials: Sequence["Trial"]) -> Sequence["Trial"]:
            return list(_reported(client, name, trials))

    return Read()


def _reported(client: "Client", name: str, trials: Sequence["Trial"]) -> Iterator["Trial"]:
    """Add the reports, thinned as for the page."""
    from tunelet.client.trial import Trial

    numbers = [trial.number for trial in trials]
    curves = {each["number"]: each for each in client.curves(name, numbers)} if numbers else {}
    for trial in trials:
        curve = curves.get(trial.number, {"steps": [], "values": {}})
        values = _rows(curve["values"], len(curve["steps"]), set())
        reports = [{"step": s, "values": v} for s, v in zip(curve["steps"], values, strict=True)]
        yield Trial(trial, reports=reports)


def _trials(pages: Iterable[Json], forms: Json) -> Iterator["Trial"]:
    """Make trials of columns: numbers, states, times, hyperparameters and values."""
    from tunelet.client.trial import Trial

    chosen = {name for name, form in forms.items() if _may_be_null(form)}
    for block in (page["trials"] for page in pages):
        given = _rows(block["hyperparameters"], len(block["numbers"]), chosen)
        values = _rows(block["values"], len(block["numbers"]), set())
        members = ("numbers", "states", "attempts", "started_at", "finished_at")
        for number, state, attempt, started, finished, some, found in zip(
            *(block[member] for member in members), given, values, strict=True
        ):
            yield Trial(
                number=number,
                state=block["state_names"][state],
                attempt=attempt,
                started_at=_time(started),
                finished_at=_time(finished),
                hyperparameters=some,
                values=found,
            )


def _time(seconds: float | None) -> str | None:
    """Return the time as ISO 8601, as trials have it."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _rows(columns: Json, count: int, chosen: set[str]) -> Iterator[Json]:
    """Make a dict of each row; null is absent, unless it is among a hyperparameter's choices."""
    for row in range(count):
        yield {
            name: column[row]
            for name, column in columns.items()
            if column[row] is not None or name in chosen
        }


def _may_be_null(form: Json) -> bool:
    choices = (
        each["value"] if isinstance(each, dict) else each for each in form.get("choices", ())
    )
    return any(each is None for each in choices)
