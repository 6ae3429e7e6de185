"""Hyperopt is asked about the space that its own users would write."""

from importlib import import_module
from random import Random
from typing import Any

import msgspec
import pytest
from hyperopt import Trials, hp
from hyperopt.base import JOB_STATE_DONE, Domain

from algorithms import load_catalog
from algorithms.novelty import generator
from tests.contracts.algorithms import LOSS, trial
from tunelet.core.problem import Problem
from tunelet.core.trial import Assignment, TrialState
from tunelet.space import Space

UNIT = {"type": "float", "min": 0.0, "max": 1.0}
SPACE = Space.of(
    {
        "always": UNIT,  # so that nothing comes twice, and Tunelet has no reason to ask again
        "kind": {"type": "categorical", "choices": [0, 1, 2]},
        "alone": {**UNIT, "when": {"kind": [0]}},
        "shared": {**UNIT, "when": {"kind": [0, 1]}},
        "deep": {"type": "categorical", "choices": [0, 1], "when": {"kind": [1]}},
        "deeper": {**UNIT, "when": {"deep": [1]}},
    }
)


def written() -> dict[str, Any]:
    """The same by hand."""
    shared = hp.uniform("shared", 0.0, 1.0)
    deep = hp.choice("deep", [0, {"deeper": hp.uniform("deeper", 0.0, 1.0)}])
    first = {"alone": hp.uniform("alone", 0.0, 1.0), "shared": shared}
    return {
        "always": hp.uniform("always", 0.0, 1.0),
        "kind": hp.choice("kind", [first, {"shared": shared, "deep": deep}, 2]),
    }


def known(assignments: list[Assignment], losses: list[float]) -> Trials:
    trials = Trials()
    for tid, (assignment, loss) in enumerate(zip(assignments, losses, strict=True)):
        idxs = {name: [tid] if name in assignment else [] for name in SPACE.parameters}
        vals = {name: [assignment[name]] if idxs[name] else [] for name in idxs}
        misc = {"tid": tid, "cmd": None, "workdir": None, "idxs": idxs, "vals": vals}
        (doc,) = trials.new_trial_docs([tid], [None], [{"status": "ok", "loss": loss}], [misc])
        doc["state"] = JOB_STATE_DONE
        trials._dynamic_trials.append(doc)
    trials.refresh()
    return trials


@pytest.mark.parametrize("module", ["tpe", "rand", "anneal"])
def test_a_suggestion_is_that_of_the_space_written_by_hand(module: str) -> None:
    rng = Random(1)
    assignments = [SPACE.sample(rng) for _ in range(40)]
    losses = [rng.random() for _ in assignments]
    history = [
        trial(number, assignment, objective=loss)
        for number, (assignment, loss) in enumerate(zip(assignments, losses, strict=True))
    ]
    given: dict[str, Any] = {"verbose": False} if module == "tpe" else {}
    suggest, domain = import_module(f"hyperopt.{module}").suggest, Domain(len, written())
    for experiment in range(12):
        problem = Problem(SPACE, (LOSS,), seed=experiment, first=40)
        ours = (
            load_catalog().load(f"hyperopt.{module}", {}).suggest(problem, history, 1).assignments
        )
        seed = generator(experiment, 40, "hyperopt 0").getrandbits(31)
        number = 0 if module == "rand" else 40
        (doc,) = suggest([number], domain, known(assignments, losses), seed, **given)
        theirs = {name: vals[0] for name, vals in doc["misc"]["vals"].items() if vals}
        assert ours == [pytest.approx(theirs)]
        assert ours[0].keys() == theirs.keys()


LINE = Space.of({"x": UNIT})


def share_of_failing(name: str, results: int) -> float:
    """The share of suggestions with x above 0.5, after 40 failures there and some results."""
    failed = [trial(number, {"x": 0.5 + number / 80}, TrialState.FAIL) for number in range(40)]
    good = [trial(40 + one, {"x": 0.1 + one / 50}, objective=1.0 + one) for one in range(results)]
    found = []
    for seed in range(20):
        problem = Problem(LINE, (LOSS,), seed, first=40 + results)
        answer = load_catalog().load(name, {}).suggest(problem, [*failed, *good], 1)
        found.append(float(str(answer.assignments[0]["x"])) > 0.5)
    return sum(found) / len(found)


@pytest.mark.parametrize("name", ["hyperopt.tpe", "anneal"])
def test_new_trials_avoid_failures_before_any_result(name: str) -> None:
    assert share_of_failing(name, results=0) < 0.7


@pytest.mark.parametrize("name", ["hyperopt.tpe", "anneal"])
def test_new_trials_stay_near_the_only_result_among_failures(name: str) -> None:
    assert share_of_failing(name, results=1) < 0.3


@pytest.mark.parametrize("name", ["hyperopt.tpe", "anneal"])
@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.STOPPED])
def test_lost_and_stopped_trials_are_ignored(name: str, state: TrialState) -> None:
    known = [trial(number, {"x": number / 40}, objective=float(number % 7)) for number in range(30)]
    lost = msgspec.structs.replace(trial(30, {"x": 0.99}, state), lost=state is TrialState.FAIL)
    foreign = trial(30, {"x": 2.0}, objective=0.0)
    problem = Problem(LINE, (LOSS,), 1, first=31)
    asked = load_catalog().load(name, {})
    assert asked.suggest(problem, [*known, lost], 1) == asked.suggest(problem, [*known, foreign], 1)
