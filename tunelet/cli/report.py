"""report: experiments in one HTML file, with the page's views."""

import importlib
import math
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from tunelet.bundle import activate
from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.output_file import opened
from tunelet.errors import Retry
from tunelet.version import __version__

if TYPE_CHECKING:
    from tunelet.client import Client

Json = dict[str, Any]

_MOST_WHOLE = 1_000
"""Trials of an experiment that the file has with their reports, notes and reasons."""
_SHOWN_CODE = ("image", "command", "args")
"""What the page shows of the training code. A report leaves out the rest, such as `env`."""


@click.command("report")
@name_argument
@click.argument("others", nargs=-1, metavar="[NAME]...")
@click.option("-o", "--output", metavar="FILE", help="[default: NAME.html]")
@connected_or_stored
def report_command(
    connection: Connection, name: str, others: tuple[str, ...], output: str | None
) -> None:
    """Write experiments into one HTML file, to look at without a service.

    The file has the views of the page and loads nothing. Several experiments are compared.

    \b
    Examples:
      tunelet report digits
      tunelet report digits --store tunelet-data -o digits.html
      tunelet report digits digits-2 -o comparison.html
    """
    client = connection.client()
    names = list(dict.fromkeys((name, *others)))
    target = output or f"{name}.html"
    parts = [_part(client, each) for each in names]
    content = {
        "version": __version__,
        "made_at": time.time(),
        "namespace": connection.namespace,
        "experiments": parts,
    }
    file = _file(content, ", ".join(names))
    with opened(target) as out:
        out.write(file)
    _say(connection, target, len(file), parts)


def _file(content: Json, title: str) -> bytes:
    activate()
    module = importlib.import_module("functions.page.report")
    try:
        made: bytes = module.report(content, title)
    except FileNotFoundError as missing:
        raise click.ClickException(str(missing)) from missing
    return made


def _say(connection: Connection, target: str, size: int, parts: Sequence[Json]) -> None:
    if target == "-":
        return
    if connection.json:
        write_json({"file": target, "bytes": size})
        return
    click.echo(f"{target}  {size / 1e6:.1f} MB")
    for part in parts:
        if (kept := len(part["trials"])) < _count(part["columns"]):
            click.echo(
                f"{part['experiment']['name']}: values of all trials, but reports, notes and"
                f" reasons of {kept}: the best and the newest",
                err=True,
            )


def _part(client: "Client", name: str) -> Json:
    experiment = client.experiment(name).json
    pages = list(client.columns(name))
    if any(page["experiment"]["uid"] != experiment["uid"] for page in pages):
        raise Retry(f"{name} was replaced while it was read: run the command again")
    spec = experiment["spec"]
    code = {key: spec["model_training_code"].get(key) for key in _SHOWN_CODE}
    shown = {key: value for key, value in code.items() if value is not None}
    return {
        "experiment": {**experiment, "spec": {**spec, "model_training_code": shown}},
        "columns": pages,
        "trials": _trials(client, name, pages, spec["objectives"][0]),
    }


def _trials(client: "Client", name: str, pages: Sequence[Json], objective: Json) -> list[Json]:
    """All trials with their reports, or of very many the best and the newest."""
    count = _count(pages)
    if count <= _MOST_WHOLE:
        return list(islice(client.trials(name), count))
    half = _MOST_WHOLE // 2
    first = count - half
    newest = list(islice(client.trials(name, after=first - 1), half))
    best = [number for number in _ranked(pages, objective) if number < first][:half]
    return [*client.some_trials(name, best), *newest]


def _count(pages: Sequence[Json]) -> int:
    return int(pages[-1]["last"]) + 1


def _ranked(pages: Iterable[Json], objective: Json) -> list[int]:
    """The numbers of the completed trials with a finite value of the objective, best first."""
    sign = 1 if objective["direction"] == "minimize" else -1
    found: list[tuple[float, int]] = []
    for page in pages:
        block = page["trials"]
        complete = block["state_names"].index("COMPLETE")
        values = block["values"].get(objective["metric"], [None] * len(block["numbers"]))
        found += [
            (sign * value, number)
            for number, state, value in zip(block["numbers"], block["states"], values, strict=True)
            if state == complete and isinstance(value, int | float) and math.isfinite(value)
        ]
    return [number for _, number in sorted(found)]
