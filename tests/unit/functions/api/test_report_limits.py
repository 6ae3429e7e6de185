"""How much training code may report of one trial."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from tests.unit.functions.conftest import World
from tests.unit.tunelet.text.test_growth import QUADRATIC, growth
from tunelet.core.commands import Finish
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.report_limits import news
from tunelet.core.run import Run
from tunelet.core.trial import Number, Outcome, Report, Trial, Verdict
from tunelet.errors import Reject
from tunelet.text.limits import METRIC_LENGTH, METRICS, REPORTS_BYTES, STEPS


@contextmanager
def refused(limit: str) -> Iterator[None]:
    with pytest.raises(Reject) as refusal:
        yield
    (error,) = refusal.value.errors
    assert error.message == f"would give the trial more than {limit}"
    assert error.remedy


def run_of(world: World) -> Run:
    world.running(max_trials=3)
    return Run("default", "digits", world.service.experiment("default", "digits").uid, 0, 1)


def test_a_trial_has_a_limited_number_of_steps(world: World) -> None:
    run = run_of(world)
    world.service.attempts.report(run, [Report(step, {"objective": 1.0}) for step in range(STEPS)])

    with refused("10000 steps"):
        world.service.attempts.report(run, [Report(STEPS, {"objective": 1.0})])

    # What has its place may come again, and so may more of it.
    world.service.attempts.report(run, [Report(5, {"objective": 1.0, "loss": 2.0})])
    assert world.service.trial("default", "digits", 0).reports[5].values.keys() == {
        "objective",
        "loss",
    }


def test_a_trial_has_a_limited_number_of_metrics_besides_the_named_ones(world: World) -> None:
    run = run_of(world)
    world.service.attempts.report(run, [Report(1, {f"m{n}": 1.0 for n in range(METRICS)})])

    with refused("1000 metrics"):
        world.service.attempts.report(run, [Report(2, {"one_more": 1.0})])

    world.service.attempts.report(run, [Report(2, {"objective": 1.0})])
    assert world.service.trial("default", "digits", 0).values["objective"] == 1.0


def test_a_trial_has_a_share_of_the_log(world: World) -> None:
    run = run_of(world)
    many: dict[str, Number] = {f"{n:0128}": 1.0 for n in range(METRICS)}

    with refused("4 MiB of reports"):
        for step in range(STEPS):
            world.service.attempts.report(run, [Report(step, many)])

    for _ in range(40):  # a snapshot is made now and then
        world.service.pause("default", "digits")
        world.service.resume("default", "digits")
    snapshots = world.store.list("v1/default/digits/snapshots/")
    stored = [found for key in snapshots if (found := world.store.get(key)) is not None]
    assert 0 < max(len(each.data) for each in stored) < 8 << 20


@pytest.mark.parametrize("character", ["a", "\N{FIRE}", '"', "\\"])
def test_the_share_is_one_of_bytes_whatever_metrics_are_called(character: str) -> None:
    names = [f"{n}{character * (METRIC_LENGTH - 4)}" for n in range(METRICS)]
    many = tuple(Report(step, dict.fromkeys(names, 0.1)) for step in range(30))
    trial = Trial(number=0, hyperparameters={}, created_at=0.0)

    found = news(trial, 1, many, ())

    assert found.beyond == "4 MiB of reports"
    assert len(msgspec.json.encode(found.reports)) <= REPORTS_BYTES
    full = msgspec.structs.replace(trial, reports=found.reports, values=many[0].values)
    assert news(full, 1, [Report(31, many[0].values)], ()).beyond == "4 MiB of reports"


def test_reports_beyond_the_limits_are_left_out_of_a_launchers_observation(world: World) -> None:
    run = run_of(world)
    reports = tuple(Report(step, {"objective": 1.0}) for step in range(STEPS + 10))

    outcome = Outcome(Verdict.COMPLETE, {"objective": 2.0})
    before = world.service.experiment("default", "digits")

    after = evolve_all(before, decide(before, Finish(run.number, run.attempt, outcome, reports), 9))

    assert after is not None
    trial = after.trials[0]
    assert trial.state == "COMPLETE"
    assert (len(trial.reports), trial.values) == (STEPS, {"objective": 2.0})


@pytest.mark.parametrize("name", ["", "a" * 129, "\x1b[31m", "a\nb", "a\u202eb", "\x85"])
def test_a_name_that_no_metric_may_have_is_refused_wherever_it_comes_from(
    world: World, name: str
) -> None:
    world.running()
    token = world.token("digits", 0)
    values = {name: 1.0}
    report: dict[str, Any] = {"step": 1, "values": values}
    outcome: dict[str, Any] = {"state": "COMPLETE", "values": values}
    here = "/api/experiments/digits/trials/0"
    for path, body in ((f"{here}/reports", report), (f"{here}/outcome", outcome)):
        answer = world.api.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        assert_names_the_metric(answer, name)
    for kind, body in (("reported", report), ("completed", {"values": values})):
        event = {
            "specversion": "1.0",
            "id": "1",
            "source": "/me",
            "type": f"dev.tunelet.trial.{kind}",
            "subject": "default/digits/0",
            "data": {**body, "token": token},
        }
        headers = {"Content-Type": "application/cloudevents+json"}
        assert_names_the_metric(world.api.post("/api/events", json=event, headers=headers), name)


def assert_names_the_metric(answer: Any, name: str) -> None:
    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert (error["field"], error["value"]) == ("values", name[:128])
    assert "control character" in error["remedy"]


def test_more_metrics_than_a_trial_has_are_refused_at_once(world: World) -> None:
    world.running()
    headers = {"Authorization": f"Bearer {world.token('digits', 0)}"}
    send = {"step": 1, "values": {f"m{n}": 1 for n in range(METRICS + 1)}}

    answer = world.api.post("/api/experiments/digits/trials/0/reports", json=send, headers=headers)

    told: Any = answer.json
    assert (answer.status_code, told["errors"][0]["message"]) == (422, "has 1001 metrics")


def test_reporting_takes_no_longer_the_more_there_is(world: World) -> None:
    logging.disable(logging.CRITICAL)
    run = run_of(world)
    begun = iter(range(0, 1 << 20, 1 << 12))

    def report(count: int) -> None:
        first = next(begun)
        for step in range(count):
            world.service.attempts.report(run, [Report(first + step, {"objective": 1.0})])

    assert growth(report, int, 300) < QUADRATIC
    logging.disable(logging.NOTSET)
