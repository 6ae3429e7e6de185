"""doctor: tries every right that a store needs, before a service depends on it."""

from statistics import median
from typing import TYPE_CHECKING, Any

import click

from tunelet.cli.bucket import chosen, existing
from tunelet.cli.connection import write_json
from tunelet.cli.table import lines, width
from tunelet.client.report import Rows
from tunelet.errors import Reject, TuneletError

if TYPE_CHECKING:
    from tunelet.store_probe import Figures, Right

_ROUNDS = 10
_KEPT = "writers cannot overwrite each other"


@click.command("doctor")
@click.argument("store", required=False, envvar="TUNELET_STORE")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def doctor_command(store: str | None, as_json: bool) -> int:
    """Check a store: rights, latency and consistency.

    STORE is a folder or the URL of a bucket, by default as in `tunelet run`. Two small objects are
    written below probe/ and removed again.

    \b
    Examples:
      tunelet doctor tunelet-data
      tunelet doctor s3://bucket/prefix
      tunelet doctor az://container --json | jq .rights
    """
    from tunelet.store_probe import examine

    # Without retries: they would hide faults and add to the latency.
    bucket = existing(chosen(store), patient=False)
    figures = examine(bucket, rounds=_ROUNDS)
    if as_json:
        write_json(_json(bucket.url, figures))
    else:
        click.echo("\n".join(lines(_table(figures), width())))
    faults = [right.fault for right in figures.rights] + [figures.fault]
    return _shown([fault for fault in faults if fault is not None], as_json)


def _table(figures: "Figures") -> Rows:
    from tunelet.store_probe import PURPOSES

    rows = [
        (right.name, _result(right.fault), *_latency(right), PURPOSES[right.name])
        for right in figures.rights
    ]
    rows.append(("promises", _promises(figures), "", "", _KEPT))
    return Rows(("RIGHT", "RESULT", "P50 MS", "MAX MS", "NEEDED FOR"), tuple(rows))


def _promises(figures: "Figures") -> str:
    if figures.trusted:
        return "kept"
    return "broken" if isinstance(figures.fault, Reject) else "not known"


def _result(fault: TuneletError | None) -> str:
    if fault is None:
        return "ok"
    return "refused" if isinstance(fault, Reject) else "no answer"


def _latency(right: "Right") -> tuple[str, str]:
    if not right.seconds:
        return "", ""
    return f"{1000 * median(right.seconds):.1f}", f"{1000 * max(right.seconds):.1f}"


def _shown(faults: list[TuneletError], as_json: bool) -> int:
    """Show each different fault on a line, and return the exit code of the worst."""
    from tunelet.cli.faults import code, show

    if not as_json:
        for fault in {str(fault): fault for fault in faults}.values():
            show(Reject(str(fault)) if isinstance(fault, Reject) else fault)
    gravest = sorted(faults, key=lambda fault: not isinstance(fault, Reject))
    return code(gravest[0]) if gravest else 0


def _json(url: str, figures: "Figures") -> dict[str, Any]:
    from tunelet.store_probe import PURPOSES

    return {
        "store": url,
        "trusted": figures.trusted,
        "promises": _promises(figures),
        "error": str(figures.fault) if figures.fault else None,
        "rights": [
            {
                "name": right.name,
                "needed_for": PURPOSES[right.name],
                "result": _result(right.fault),
                "error": str(right.fault) if right.fault else None,
                "p50_seconds": median(right.seconds) if right.seconds else None,
                "max_seconds": max(right.seconds, default=None),
            }
            for right in figures.rights
        ],
    }
