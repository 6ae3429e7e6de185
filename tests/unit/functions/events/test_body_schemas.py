"""Bodies of training code: the published schemas and the parser agree on each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.api.routes import description
from functions.events import training
from tunelet.errors import Reject
from tunelet.text.limits import METRIC_LENGTH, METRICS

ABSENT = object()
NUMBERS = (0, -3, 0.5, 1e300, "NaN", "Infinity", "-Infinity", "nan", "0.5", "", True, None, [])
NAMES = ("loss", "val/loss", "é", "", "a\nb", "a\x7f", "a\x85", "x" * METRIC_LENGTH)
VALUES = (
    *(ABSENT, None, [], "x", {}),
    *({"loss": number} for number in NUMBERS),
    *({name: 1} for name in (*NAMES, "x" * (METRIC_LENGTH + 1))),
)
STEPS = (
    ABSENT,
    0,
    7,
    1.0,
    1.5,
    -1,
    -1.0,
    True,
    None,
    "1",
    training.MAX_STEP,
    training.MAX_STEP + 1,
)
OTHERS = (ABSENT, 1)
REPORT: Mapping[str, Sequence[Any]] = {"step": STEPS, "values": VALUES, "other": OTHERS}
OUTCOME: Mapping[str, Sequence[Any]] = {
    "state": (ABSENT, *training.STATES, "RUNNING", "", None, 1, []),
    "values": VALUES,
    "reason": (ABSENT, "", "x" * training.MAX_REASON, "x" * (training.MAX_REASON + 1), 3, None),
    "other": OTHERS,
}


def bodies(members: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the members' values."""
    for values in product(*members.values()):
        pairs = zip(members, values, strict=True)
        yield {name: value for name, value in pairs if value is not ABSENT}


def disagreements(
    name: str, parse: Callable[[Any], object], sent: Iterator[Any]
) -> list[tuple[Any, bool]]:
    """The bodies that the schema allows and the parser refuses (True), or the other way round."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": description()["components"]}
    validator = Draft202012Validator(schema)
    found = []
    for body in sent:
        allowed = validator.is_valid(body)
        try:
            parse(body)
        except Reject:
            if allowed:
                found.append((body, True))
        else:
            if not allowed:
                found.append((body, False))
    return found


def test_the_schema_of_reports_allows_all_accepted_bodies() -> None:
    assert disagreements("Reports", training.reports, bodies(REPORT)) == []


def test_the_schema_of_outcomes_allows_all_accepted_bodies() -> None:
    assert disagreements("Outcome", training.outcome, bodies(OUTCOME)) == []


def test_the_schema_of_failures_allows_all_accepted_bodies() -> None:
    most = training.LARGEST_EXIT_CODE
    failures: Mapping[str, Sequence[Any]] = {
        "state": ("FAIL",),
        "exit_code": (ABSENT, None, 3, -9, 1.0, 1.5, True, "3", most, most + 1, -most - 1),
        "log_tail": OUTCOME["reason"],
    }
    assert disagreements("Outcome", training.outcome, bodies(failures)) == []


@pytest.mark.parametrize(
    "body",
    [
        *(None, [], "x", 1, {}, {"reports": {}}, {"reports": None}),
        {"reports": [], "step": 1},
        *(
            {"step": 1, "values": {f"m{n}": n for n in range(count)}}
            for count in (METRICS, METRICS + 1)
        ),
        *(
            {"reports": [{"step": n, "values": {"loss": 1}} for n in range(count)]}
            for count in (0, 1, training.MAX_REPORTS, training.MAX_REPORTS + 1)
        ),
        {"reports": [{"step": 1, "values": {"loss": 1}}, {"step": 1.0, "values": {}}]},
        {"reports": [{"step": 1, "values": {"loss": 1}}], "values": {"loss": 1}},
    ],
    ids=lambda body: repr(body)[:40],
)
def test_the_schema_of_lists_of_reports_allows_all_accepted_bodies(body: Any) -> None:
    assert disagreements("Reports", training.reports, iter([body])) == []
