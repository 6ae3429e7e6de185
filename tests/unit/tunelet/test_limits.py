"""docs/limits.md has the limits of the code."""

import re
from pathlib import Path
from typing import Any

import pytest

from tunelet.client import svg
from tunelet.dead_letters import LIMIT
from tunelet.engine import usage
from tunelet.request.models import request_schema
from tunelet.text import limits

PAGE = Path(__file__).resolve().parents[3] / "docs" / "limits.md"
SCHEMA: dict[str, Any] = request_schema()
FIELDS = SCHEMA["properties"]
MIB = 1 << 20


def longest(pattern: str) -> int:
    """The most characters that a name may have."""
    return max(n for n in range(1, 100) if re.fullmatch(pattern, "a" * n))


EXPECTED = {
    "trials of an experiment": limits.MOST_TRIALS,
    "trials of an experiment at a time": FIELDS["parallel_trials"]["maximum"],
    "hyperparameters of an experiment": FIELDS["hyperparameters"]["maxProperties"],
    "objectives, and constraints": FIELDS["constraints"]["maxItems"],
    "steps of a trial": limits.STEPS,
    "metrics of a trial": limits.METRICS,
    "characters of a metric's name": limits.METRIC_LENGTH,
    "bytes of a trial's reports": f"{limits.REPORTS_BYTES // MIB} MiB",
    "attempts of a trial": FIELDS["max_attempts"]["maximum"],
    "nodes of a trial": SCHEMA["$defs"]["Image"]["properties"]["nodes"]["maximum"],
    "bytes of a request's body, by default": f"{limits.BODY_BYTES // MIB} MiB",
    "bytes of an attempt's stored output, compressed, by default": (
        f"{limits.OUTPUT_BYTES // MIB} MiB"
    ),
    "trials of one request to import": limits.IMPORTED,
    "trials of one request to enqueue": FIELDS["enqueue"]["maxItems"],
    "characters of the name of an experiment or a namespace": longest(limits.NAME),
    "dead letters of a store": LIMIT,
    "live experiments that a namespace's [metrics](operations/observability.md#of-one-namespace) "
    "read": f"{usage.MOST:,}; the others are counted",
    "trials that a [plot](guides/report.md#one-picture) draws": f"{svg.MOST:,}, evenly chosen",
}


@pytest.mark.parametrize("limit", EXPECTED)
def test_the_page_has_the_limit_of_the_code(limit: str) -> None:
    value = EXPECTED[limit]
    shown = f"{value:,}" if isinstance(value, int) else value
    assert f"\n| {limit} | {shown} |\n" in PAGE.read_text()


def test_the_page_has_no_other_limits_of_sizes() -> None:
    table = PAGE.read_text().partition("## Of speed")[0].split("\n|---|---|\n")[1]
    assert [row.split(" | ")[0][2:] for row in table.strip().splitlines()] == list(EXPECTED)
