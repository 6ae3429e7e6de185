"""What a namespace may use, over HTTP: each quota has its own refusal, and names its remedy."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.unit.functions.api.test_api import bearer
from tests.unit.functions.conftest import SMALLEST, World
from tunelet.core.quotas import Quota, Quotas
from tunelet.core.run import Run
from tunelet.core.trial import Report
from tunelet.errors import Conflict, OverQuota

VALUES = {"learning_rate": 0.05, "batch_size": 64}


def limited(**limits: Any) -> World:
    """The namespace `default` is limited; `rich` is not."""
    return World(quotas=Quotas(Quota(**limits), {"rich": Quota()}))


def submit(world: World, name: str, namespace: str = "default") -> TestResponse:
    body = {**SMALLEST, "name": name, "namespace": namespace}
    return world.api.post("/api/submit_job", json=body)


def error(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.json
    assert answer.content_type == "application/problem+json"
    (found,) = answer.json["errors"]  # type: ignore[index]
    assert found["remedy"]
    return dict(found)


def imports(world: World, body: Any, key: str) -> TestResponse:
    headers = {"Idempotency-Key": key}
    return world.api.post("/api/experiments/a/import", json=body, headers=headers)


def push(world: World, name: str, *steps: int, namespace: str = "default") -> TestResponse:
    where = f"/api/namespaces/{namespace}/experiments/{name}/trials/0/reports"
    body = {"reports": [{"step": step, "values": {"objective": 1.0}} for step in steps]}
    return world.api.post(where, json=body, headers=bearer(world.token(name, 0, namespace)))


def test_a_namespace_has_no_more_experiments_than_its_quota() -> None:
    world = limited(experiments=2)
    assert [submit(world, name).status_code for name in ("a", "b")] == [200, 200]
    found = error(submit(world, "c"), 403)
    assert (found["field"], found["value"]) == ("quota.experiments", 2)
    assert not [key for key in world.store.list("") if "/c/" in key]
    # Others have quotas of their own.
    assert [submit(world, name, "rich").status_code for name in "abc"] == [200] * 3
    # A deleted one makes room, and one that is there is the same as ever.
    assert submit(world, "b").status_code == 409
    world.service.delete("default", "a")
    world.service.launch("default", "a")
    assert submit(world, "c").status_code == 200


def test_a_repeated_submit_is_no_further_experiment() -> None:
    world = limited(experiments=1)
    for _ in range(2):
        world.service.submit({**SMALLEST, "name": "a"}, key="k")
    with pytest.raises(Conflict):
        world.service.submit({**SMALLEST, "name": "a"}, key="other")


def test_submits_at_the_same_time_do_not_exceed_the_quota() -> None:
    for _ in range(5):
        world = limited(experiments=3)

        def tried(number: int, world: World = world) -> bool:
            try:
                world.service.submit({**SMALLEST, "name": f"e{number}"})
            except OverQuota:
                return False
            return True

        with ThreadPoolExecutor(12) as threads:
            made = sum(threads.map(tried, range(12)))
        assert made <= 3
        assert len(world.service.experiments("default")[0]) == made


def test_a_namespace_that_stores_too_much_begins_nothing_new() -> None:
    world = limited(stored_bytes=20_000)
    assert submit(world, "a").status_code == 200
    made = {"trials": [{"hyperparameters": VALUES, "values": {"objective": 2}}]}
    first = imports(world, made, "made")
    assert first.status_code == 200, first.json
    world.store.put("v1/default/a/trials/u1/0/weights", b"w" * 20_000)
    # Another process: this one remembers for some minutes what it has added up.
    other = World(world.store, world.launcher, world.quotas)
    found = error(submit(other, "b"), 403)
    assert (found["field"], found["value"]) == ("quota.stored_bytes", 20_000)
    extended = other.api.patch("/api/experiments/a", json={"max_trials": 99})
    assert error(extended, 403)["field"] == "quota.stored_bytes"
    trials = {"trials": [{"hyperparameters": VALUES, "values": {"objective": 1}}]}
    assert error(imports(other, trials, "new"), 403)["field"] == "quota.stored_bytes"
    assert imports(other, made, "made").json == first.json
    # It may still be looked at, ended and removed, and others are not concerned.
    assert submit(other, "b", "rich").status_code == 200
    assert other.api.post("/api/experiments/a/stop").status_code == 200
    assert other.api.post("/api/experiments/a/resume").status_code == 403
    assert other.api.delete("/api/experiments/a").status_code == 204


def test_a_full_store_does_not_hide_that_an_experiment_has_begun() -> None:
    world = limited(stored_bytes=10_000)
    first = world.service.submit({**SMALLEST, "name": "a"}, key="k")
    world.store.put("v1/default/a/trials/u1/0/weights", b"w" * 20_000)
    other = World(world.store, world.launcher, world.quotas)
    assert other.service.submit({**SMALLEST, "name": "a"}, key="k").uid == first.uid


def test_a_trial_pushes_reports_at_no_more_steps_than_its_quota() -> None:
    world = limited(reports_per_trial=3)
    world.running()
    assert push(world, "digits", 0, 1, 2).status_code == 200
    found = error(push(world, "digits", 3), 403)
    assert (found["field"], found["value"]) == ("quota.reports_per_trial", 3)
    # The same step again is no report more.
    assert push(world, "digits", 2).status_code == 200
    world.running(namespace="rich")
    assert push(world, "digits", *range(10), namespace="rich").status_code == 200


def test_a_report_that_another_process_left_no_room_for_is_not_lost_silently() -> None:
    world = limited(reports_per_trial=2)
    world.running()
    run = world.run("digits", 0)
    other = World(world.store, world.launcher, Quotas(Quota(reports_per_trial=2)))
    other.service.attempts.report(run, [Report(0, {"objective": 1.0})])
    world.service.attempts.report(run, [Report(1, {"objective": 1.0})])
    with pytest.raises(OverQuota):
        other.service.attempts.report(run, [Report(2, {"objective": 1.0})])
    steps = [report.step for report in world.service.trial("default", "digits", 0).reports]
    assert steps == [0, 1]


def test_a_namespace_that_reports_too_fast_is_asked_to_wait() -> None:
    world = limited(reports_per_second=1.0)
    world.running()
    assert push(world, "digits", *range(10)).status_code == 200
    # As it allows a burst of ten seconds, it now waits for the debt of the second request.
    assert push(world, "digits", *range(10, 40)).status_code == 200
    answer = push(world, "digits", 40)
    found = error(answer, 429)
    assert (found["field"], found["value"]) == ("quota.reports_per_second", 1.0)
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    # Its leases are renewed nevertheless, and others are not concerned.
    assert push(world, "digits").status_code == 200
    world.running(namespace="rich")
    assert push(world, "digits", *range(100), namespace="rich").status_code == 200
    assert push(world, "digits", 100, namespace="rich").status_code == 200


def test_events_count_as_any_report_does() -> None:
    world = limited(reports_per_second=1.0)
    world.running()
    run: Run = world.run("digits", 0)
    assert push(world, "digits", *range(40)).status_code == 200
    event = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/training",
        "ce-type": "dev.tunelet.trial.reported",
        "ce-subject": f"default/digits/{run.number}/{run.attempt}",
        "Authorization": f"Bearer {world.token('digits', 0)}",
    }
    body = {"step": 50, "values": {"objective": 1.0}}
    assert world.api.post("/api/events", json=body, headers=event).status_code == 429
