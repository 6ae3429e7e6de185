"""verify: checks the logs in a store, read directly from the bucket."""

from typing import TYPE_CHECKING, Any

import click

from tunelet.cli.bucket import chosen, existing
from tunelet.cli.connection import write_json
from tunelet.cli.table import lines, width
from tunelet.client.report import Rows
from tunelet.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunelet.log.verify import Verification
    from tunelet.ports import Store

_DAMAGED = 1


@click.command("verify")
@click.argument("store", required=False, envvar="TUNELET_STORE")
@click.argument("name", required=False)
@click.option("--namespace", help="The namespace.  [default: all; with NAME: default]")
@click.option("--repair", is_flag=True, help="Remove snapshots and segments that are wrong.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def verify_command(
    store: str | None, name: str | None, namespace: str | None, repair: bool, as_json: bool
) -> int:
    """Check a store for missing, altered and unknown objects.

    STORE is a folder or the URL of a bucket, by default as in `tunelet run`; no service is needed.
    Snapshots and segments are compared with the log. Once wrong ones are removed, the service makes
    them again.

    Exit code 1: a log is damaged.

    \b
    Examples:
      tunelet verify tunelet-data
      tunelet verify s3://bucket/prefix digits
      tunelet verify s3://bucket/prefix --repair --json
    """
    from tunelet.log import verify

    bucket = existing(chosen(store))
    verdicts = []
    for verdict in _verdicts(bucket, namespace, name):
        verdicts.append(verdict)
        if repair:
            verify.repair(bucket, verdict)
    if as_json:
        write_json({"store": bucket.url, "experiments": [_json(each) for each in verdicts]})
    else:
        _show(verdicts, repair)
    return _DAMAGED if any(verdict.damaged for verdict in verdicts) else 0


def _verdicts(store: "Store", namespace: str | None, name: str | None) -> "Iterator[Verification]":
    from tunelet.log.verify import experiments, verify

    if name is None:
        for each in experiments(store, namespace):
            yield verify(store, *each)
        return
    namespace = namespace or "default"
    if next(store.list(f"v1/{namespace}/{name}/", limit=1), None) is None:
        raise NotFound(f"{store.url} holds no experiment {namespace}/{name}")
    yield verify(store, namespace, name)


def _show(verdicts: "list[Verification]", repaired: bool) -> None:
    if not verdicts:
        click.echo("There are no experiments in this store.")
        return
    header = ("EXPERIMENT", "LOG", "ENTRIES", "TRIALS")
    rows = [(f"{v.namespace}/{v.name}", _word(v), str(v.entries), str(v.trials)) for v in verdicts]
    click.echo("\n".join(lines(Rows(header, tuple(rows)), width())))
    for verdict in verdicts:
        for finding in verdict.findings:
            end = "; removed" if finding.derived and repaired else ""
            click.echo(f"{finding.key}: {finding.message}{end}")


def _word(verdict: "Verification") -> str:
    if verdict.damaged:
        return "DAMAGED"
    return "sound, but not what is derived from it" if verdict.findings else "sound"


def _json(verdict: "Verification") -> dict[str, Any]:
    return {
        "namespace": verdict.namespace,
        "name": verdict.name,
        "damaged": verdict.damaged,
        "entries": verdict.entries,
        "trials": verdict.trials,
        "findings": [finding._asdict() for finding in verdict.findings],
    }
