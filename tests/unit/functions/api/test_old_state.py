"""An instance with a state older than the log, because others have written to it."""

from typing import Any

import pytest

from tests.unit.functions.conftest import SECRET, World
from tunelet.core.run import Run
from tunelet.core.trial import Outcome, Verdict
from tunelet.engine.tokens import Tokens

MEDIAN = [{"name": "median"}]


@pytest.fixture(params=[[], MEDIAN], ids=["no rule", "median"])
def worlds(request: pytest.FixtureRequest) -> tuple[World, World]:
    """One that knows trial 1 as waiting, and one that has ended trial 0 and launched trial 1."""
    old = World()
    old.running(parallel_trials=1, enqueue=[{"x": 0.1}, {"x": 0.2}], early_stopping=request.param)
    new = old.restarted()
    uid = new.service.experiment("default", "digits").uid
    run = Run("default", "digits", uid, 0, 1)
    new.service.attempts.finish(run, Outcome(Verdict.COMPLETE, {"objective": 1.0}))
    new.service.launch("default", "digits")
    return old, new


def post(world: World, path: str, token: str, body: Any) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    answer = world.api.post(f"/api/experiments/digits/trials/1/{path}", json=body, headers=headers)
    return int(answer.status_code)


def test_takes_a_report_of_a_trial_that_it_knows_as_waiting(worlds: tuple[World, World]) -> None:
    old, new = worlds
    token = new.token("digits", 1)

    assert post(old, "reports", token, {"step": 1, "values": {"objective": 1.0}}) == 200

    assert [each.step for each in new.service.trial("default", "digits", 1).reports] == [1]


def test_takes_an_outcome_of_such_a_trial(worlds: tuple[World, World]) -> None:
    old, new = worlds
    token = new.token("digits", 1)

    assert post(old, "outcome", token, {"state": "COMPLETE", "values": {"objective": 1.0}}) == 200

    assert new.service.trial("default", "digits", 1).state == "COMPLETE"


def test_refuses_changes_that_the_newest_state_does_not_allow(worlds: tuple[World, World]) -> None:
    old, _ = worlds
    uid = old.service.experiment("default", "digits").uid
    token = Tokens(SECRET).issue(Run("default", "digits", uid, 1, 2))

    assert post(old, "reports", token, {"step": 1, "values": {"objective": 1.0}}) == 409
