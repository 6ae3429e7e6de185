"""export: an experiment's trials or reports as a file, from the bucket or from a service."""

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from click.core import ParameterSource

from tunelet.cli.bucket import chosen, existing
from tunelet.cli.connection import Connection, choose
from tunelet.cli.output_file import opened
from tunelet.errors import NotFound

if TYPE_CHECKING:
    from tunelet.export import TrialTable


@click.command("export")
@click.argument("name")
@click.option(
    "--store",
    metavar="FOLDER|URL",
    envvar="TUNELET_STORE",
    show_envvar=True,
    help="The folder or bucket of the log.  [default: as tunelet run]",
)
@click.option("--url", metavar="URL", help="Ask this service instead. [env: TUNELET_URL]")
@click.option("-n", "--namespace", metavar="NAME", help="The namespace. [env: TUNELET_NAMESPACE]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    help="[default: by the ending of --output, else csv]",
)
@click.option("-o", "--output", metavar="FILE", default="-", help="[default: standard output]")
@click.option("--reports", is_flag=True, help="A row for each report, not for each trial.")
@click.pass_context
def export_command(
    ctx: click.Context,
    /,
    name: str,
    store: str | None,
    url: str | None,
    namespace: str | None,
    form: str | None,
    output: str,
    reports: bool,
) -> None:
    """Write the trials of an experiment as a table.

    Reads the folder or bucket directly; no service is needed. With --url a service is asked, which
    knows neither the running time of a trial nor the attempt of a report.

    \b
    Examples:
      tunelet export digits > digits.csv
      tunelet export digits --store s3://bucket/prefix -o digits.parquet
      tunelet export digits --url http://127.0.0.1:8080 -o digits.csv
      tunelet export digits --store gs://bucket --reports --format jsonl | jq .step
    """
    connection = choose(ctx, _service(ctx, store, url), namespace)
    form = form or _by_ending(output)
    if form == "parquet" and output == "-" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal: name a file with --output")
    if connection.url:
        table = _remote(connection, name, reports)
    else:
        table = _table(chosen(store), connection.namespace, name, reports)
    with opened(output) as out:
        _write(table, form, out)


def _service(ctx: click.Context, store: str | None, url: str | None) -> str | None:
    """The service to ask; None: the store. Raises `UsageError` if both are named."""
    named = url or ctx.find_root().params.get("url")
    if named and ctx.get_parameter_source("store") is ParameterSource.COMMANDLINE:
        raise click.UsageError("name either a service with --url, or a store with --store")
    return named or (None if store else os.environ.get("TUNELET_URL"))


def _remote(connection: Connection, name: str, reports: bool) -> "TrialTable":
    from tunelet.cli import remote_table

    table = remote_table.reports_table if reports else remote_table.trials_table
    return table(connection.client(), name)


def _by_ending(output: str) -> str:
    ending = Path(output).suffix.removeprefix(".").lower()
    return {"parquet": "parquet", "jsonl": "jsonl", "ndjson": "jsonl"}.get(ending, "csv")


def _table(store: str, namespace: str, name: str, reports: bool) -> "TrialTable":
    bucket = existing(store)
    from tunelet.export import reports_table, trials_table
    from tunelet.log.journal_cache import Journals

    try:
        experiment, trials = Journals(bucket).moment(namespace, name)
    except NotFound as missing:
        raise NotFound(f"{bucket.url} holds no experiment {namespace}/{name}") from missing
    return (reports_table if reports else trials_table)(experiment, lambda: trials(-1))


def _write(table: "TrialTable", form: str, out: BinaryIO) -> None:
    from tunelet import export

    if form == "parquet":
        try:
            importlib.import_module("adapters.parquet").write_parquet(table, out)
        except ModuleNotFoundError as fault:
            message = f"Parquet needs {fault.name}: pip install 'tunelet[parquet]'"
            raise click.ClickException(message) from fault
        return
    write = export.write_csv if form == "csv" else export.write_jsonl
    with open(out.fileno(), "w", encoding="utf-8", newline="", closefd=False) as text:
        write(table, text)
