"""plot: one picture of an experiment, as an SVG or PNG file."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.output_file import opened

if TYPE_CHECKING:
    from tunelet.client.results import Results
    from tunelet.client.svg import Plot
    from tunelet.client.trial import Trial

Json = dict[str, Any]

_KINDS = ("history", "parallel", "slices", "importance", "pareto")
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
@connected_or_stored
def plot_command(connection: Connection, name: str, kind: str, output: str | None) -> None:
    """Draw an experiment into an SVG or PNG file.

    FILE ends with .svg or .png; "-" writes SVG to standard output. PNG needs 'tunelet[png]'.
    pareto needs two objectives; the others draw the first one.

    \b
    Examples:
      tunelet plot digits
      tunelet plot digits --kind parallel -o digits.png
      tunelet plot digits --store tunelet-data --kind importance -o - > digits.svg
    """
    target = output or f"{name}-{kind}.svg"
    ending = Path(target).suffix.lower()
    if target != "-" and ending not in _ENDINGS:
        remedy = "end it with .svg or .png, or give - for standard output"
        raise click.UsageError(f"--output {target} has an unknown ending: {remedy}")
    file = _file(_results(connection, name), kind, ending)
    with opened(target) as out:
        out.write(file)
    if target == "-":
        return
    if connection.json:
        write_json({"file": target, "bytes": len(file)})
    else:
        click.echo(f"{target}  {len(file) / 1000:.0f} kB")


def _file(results: "Results", kind: str, ending: str) -> bytes:
    try:
        plot: Plot = getattr(results, f"plot_{kind}")()
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

    return Read()


def _trials(pages: Iterable[Json], forms: Json) -> Iterator["Trial"]:
    """Make trials of columns: their numbers, states, hyperparameters and values."""
    from tunelet.client.trial import Trial

    chosen = {name for name, form in forms.items() if _may_be_null(form)}
    for block in (page["trials"] for page in pages):
        given = _rows(block["hyperparameters"], len(block["numbers"]), chosen)
        values = _rows(block["values"], len(block["numbers"]), set())
        for number, state, some, found in zip(
            block["numbers"], block["states"], given, values, strict=True
        ):
            state_name = block["state_names"][state]
            yield Trial(number=number, state=state_name, hyperparameters=some, values=found)


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
