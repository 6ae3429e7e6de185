"""Curves have the reports of trials, or as many of them as a picture needs."""

import math

from functions.api.curves import thinned
from tests.unit.functions.api.test_columns import ONE, with_trials
from tests.unit.functions.api.test_openapi import fits
from tests.unit.functions.conftest import World
from tunelet.core.trial import Report, number, plain


def test_curves_have_the_reports_of_the_named_trials(world: World) -> None:
    with_trials(world, 3)
    headers = {"Authorization": f"Bearer {world.token('digits', 1)}"}
    for step, loss in enumerate((3.0, 2.0, "NaN")):
        body = {"step": step, "values": {"loss": loss}}
        world.api.post(f"{ONE}/trials/1/reports", json=body, headers=headers)
    found = world.api.get(f"{ONE}/curves?numbers=1,2,77").json
    fits("Curves", found)
    assert [curve["number"] for curve in found["curves"]] == [1, 2]
    assert found["curves"][0]["steps"] == [0, 1, 2]
    assert found["curves"][0]["values"] == {"loss": [3.0, 2.0, "NaN"]}


def test_long_curves_are_thinned_without_losing_a_peak() -> None:
    values = [math.sin(step / 50) for step in range(10_000)]
    values[7_123], values[1_234] = 40.0, math.nan
    reports = [Report(step, {"a": plain(value), "b": step}) for step, value in enumerate(values)]
    few = thinned(reports, 100)
    assert len(few) <= 2 * 2 * 100
    assert {0, 7_123, 9_999} <= {report.step for report in few}
    assert [report.step for report in few] == sorted({report.step for report in few})
    assert max(number(report.values["a"]) for report in few) == 40
    assert thinned(reports[:100], 100) == reports[:100]
    hollow = [Report(step, {"a": "NaN"} if step % 2 else {}) for step in range(50)]
    assert [report.step for report in thinned(hollow, 2)] == [0, 49]


def test_curves_have_as_many_points_as_are_asked_for(world: World) -> None:
    with_trials(world, 1)
    headers = {"Authorization": f"Bearer {world.token('digits', 0)}"}
    for step in range(20):
        body = {"step": step, "values": {"loss": 9.0 if step == 7 else 1.0 + step / 100}}
        world.api.post(f"{ONE}/trials/0/reports", json=body, headers=headers)
    (curve,) = world.api.get(f"{ONE}/curves?numbers=0&points=4").json["curves"]
    assert {0, 7, 19} <= set(curve["steps"])
    assert len(curve["steps"]) == len(curve["values"]["loss"]) < 10
    assert world.api.get(f"{ONE}/curves?numbers=0&points=1").status_code == 422
