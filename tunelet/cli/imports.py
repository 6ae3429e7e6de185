"""import: adds trials that were made elsewhere, with their values."""

import csv
import importlib
import io
import re
from typing import Any

import click

from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.enqueue import trials
from tunelet.cli.faults import advise
from tunelet.cli.request import content
from tunelet.interop.finished import finished

_PASSWORD = re.compile(r"://[^@/\s]*@")


@click.command("import")
@name_argument
@click.argument("source", metavar="FILE|STORAGE_URL")
@click.option("--study", metavar="NAME", help="Which study of Optuna's storage; the only one.")
@click.option(
    "--count/--no-count",
    default=False,
    help="Whether they count to max_trials; if not, max_trials rises by their number.",
    show_default=True,
)
@click.option(
    "--idempotency-key", metavar="KEY", help="With the same key, add the trials only once."
)
@connected_or_stored
def import_command(
    connection: Connection,
    name: str,
    source: str,
    study: str | None,
    count: bool,
    idempotency_key: str | None,
) -> None:
    """Add finished trials from a file, or from a study of Optuna.

    The algorithm learns from them, and one of them may be the best. A file is CSV with a row for
    each trial (as `tunelet export` writes it), or JSON, JSON lines or YAML; - is CSV on standard
    input. Its columns are named like the hyperparameters and metrics. Optuna's storage is a URL
    such as sqlite:///studies.db.

    \b
    Examples:
      tunelet import digits earlier.csv
      tunelet import digits sqlite:///studies.db --study digits --count
      tunelet export old --store s3://bucket | tunelet import digits -
    """
    client = connection.client()
    found = _study(source, study) if "://" in source else _table(source)
    read = finished(found, client.experiment(name).spec)
    if not read.trials:
        raise click.ClickException(f"{source} contains no finished trials")
    made = client.import_trials(name, read.trials, count, idempotency_key)
    if connection.json:
        write_json({"trials": made})
        return
    skipped = f"; {read.skipped} without a result are left out" if read.skipped else ""
    click.echo(f"{name}: imported {len(made)} trial{'s'[: len(made) > 1]}{skipped}")
    advise(connection.command("best", name))


def _table(source: str) -> list[Any]:
    text, shown = content(source)
    if source.endswith((".json", ".jsonl", ".yaml", ".yml")):
        return trials(text, shown)
    try:
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as fault:
        raise click.ClickException(f"{shown} is not CSV: {fault}") from fault


def _study(url: str, name: str | None) -> Any:
    """Load a study of Optuna, without logging to the terminal."""
    try:
        optuna = importlib.import_module("optuna")
    except ModuleNotFoundError as fault:
        raise click.ClickException(
            f"a storage of Optuna needs optuna (no {fault.name}): pip install optuna"
        ) from fault
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.load_study(study_name=name, storage=url)
    except Exception as fault:
        # SQLAlchemy and its drivers have errors of their own, which name the cause.
        raise click.ClickException(
            _PASSWORD.sub("://…@", f"cannot read the study from {url}: {fault}")
        ) from fault
