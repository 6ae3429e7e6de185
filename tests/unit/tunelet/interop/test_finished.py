"""Trials of lists, tables, Optuna and Hyperopt, as an import has them."""

import math
from typing import Any

import hyperopt
import numpy
import optuna
import pytest
from hyperopt import hp

from tunelet.errors import Reject
from tunelet.interop import hyperparameters
from tunelet.interop.finished import finished

SPEC: dict[str, Any] = {
    "hyperparameters": {
        "rate": {"type": "float", "min": 0.0, "max": 1.0},
        "layers": {"type": "int", "min": 1, "max": 9},
        "kind": {"type": "categorical", "choices": ["a", {"value": True, "weight": 2.0}, None, 4]},
        "deep": {"type": "int", "min": 1, "max": 9, "when": {"kind": [4]}},
    },
    "objectives": [{"metric": "loss", "direction": "minimize"}],
}
ONE = {"hyperparameters": {"rate": 0.5, "layers": 3, "kind": "a"}, "values": {"loss": 0.25}}


@pytest.mark.parametrize(
    "row",
    [
        ONE,
        {"rate": 0.5, "layers": 3, "kind": "a", "loss": 0.25, "other": 7},
        {"rate": "0.5", "layers": "3", "kind": "a", "deep": "", "loss": "0.25"},
        {"rate": 0.5, "layers": 3.0, "kind": "a", "deep": math.nan, "value": 0.25},
        {"params_rate": 0.5, "params_layers": 3, "params_kind": "a", "value": 0.25},
        {
            "hyperparameters.rate": numpy.float64(0.5),
            "hyperparameters.layers": numpy.int64(3),
            "hyperparameters.kind": numpy.str_("a"),
            "values.loss": numpy.float32(0.25),
            "state": "COMPLETE",
        },
    ],
)
def test_a_row_may_name_its_columns_in_several_ways(row: dict[str, Any]) -> None:
    assert finished([row], SPEC) == ([ONE], 0)


@pytest.mark.parametrize(
    ("cell", "choice"),
    [("true", True), (True, True), (None, None), ("null", None), ("4", 4), (4.0, 4)],
)
def test_a_choice_is_found_by_what_is_written(cell: Any, choice: Any) -> None:
    (trial,), _ = finished([{"rate": 0.5, "layers": 3, "kind": cell, "loss": 1}], SPEC)
    found = trial["hyperparameters"]["kind"]
    assert (found, type(found)) == (choice, type(choice))


def test_what_cannot_be_read_is_left_for_the_service_to_refuse() -> None:
    (trial,), _ = finished([{"rate": "fast", "layers": 2.5, "kind": "z", "loss": "low"}], SPEC)
    assert trial["hyperparameters"] == {"rate": "fast", "layers": 2.5, "kind": "z"}
    assert trial["values"] == {"loss": "low"}


def test_values_that_are_not_finite_are_texts() -> None:
    rows = [{**ONE, "values": {"loss": math.inf, "a": -math.inf, "b": "nan"}}]
    (trial,), _ = finished(rows, SPEC)
    assert trial["values"] == {"loss": "Infinity", "a": "-Infinity", "b": "NaN"}


def test_trials_without_a_result_are_left_out() -> None:
    rows = [{**ONE, "state": state} for state in ("RUNNING", "PRUNED", "STOPPED", "FAIL")]
    trials, skipped = finished(rows, SPEC)
    assert [trial["state"] for trial in trials] == ["PRUNED", "FAIL"]
    assert skipped == 2


@pytest.mark.parametrize("source", [3, "a.csv", {"trials": []}, [3]])
def test_what_is_no_list_of_trials_is_refused(source: Any) -> None:
    with pytest.raises(Reject, match="give a"):
        finished(source, SPEC)


def test_a_data_frame_has_a_row_for_each_trial() -> None:
    class Frame:
        """As pandas has it, where an empty cell of integers is NaN, and the others are floats."""

        columns = ("rate", "layers", "kind", "deep", "loss")

        def to_dict(self, orient: str) -> list[dict[str, Any]]:
            assert orient == "records"
            rows = [(0.5, 3.0, "a", math.nan, 0.25), (0.5, 3.0, 4, 2.0, 0.25)]
            return [dict(zip(self.columns, row, strict=True)) for row in rows]

    trials, _ = finished(Frame(), SPEC)
    assert trials[0] == ONE
    assert trials[1]["hyperparameters"] == {"rate": 0.5, "layers": 3, "kind": 4, "deep": 2}


def test_a_study_of_optuna() -> None:
    study = optuna.create_study()
    study.enqueue_trial({"rate": 0.5, "layers": 3, "kind": "a"})
    study.optimize(_objective, n_trials=4)
    study.ask()
    trials, skipped = finished(study, SPEC)
    assert trials[0] == {**ONE, "values": {"loss": 0.5}}
    assert [trial.get("state") for trial in trials[1:]] == ["PRUNED", "FAIL", None]
    assert skipped == 1
    spec = {**SPEC, "objectives": [{"metric": "loss", "direction": "maximize"}]}
    with pytest.raises(Reject, match="is to minimize what the experiment is to maximize"):
        finished(study, spec)
    with pytest.raises(Reject, match="1 objectives, and the experiment 2"):
        finished(study, {**SPEC, "objectives": SPEC["objectives"] * 2})


def _objective(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("rate", 0, 1)
    trial.suggest_int("layers", 1, 9)
    trial.suggest_categorical("kind", ["a", True, None, 4])
    if trial.number == 1:
        raise optuna.TrialPruned
    return math.nan if trial.number == 2 else rate


def test_trials_of_hyperopt_have_an_index_for_a_choice() -> None:
    space = {
        "c": hp.choice("c", ["a", {"k": 1, "m": hp.uniform("m", 0, 1)}, "z"]),
        "q": hp.quniform("q", 1, 9, 1),
    }
    trials = hyperopt.Trials()
    hyperopt.fmin(
        lambda point: point["q"],
        space,
        algo=hyperopt.rand.suggest,
        max_evals=12,
        trials=trials,
        show_progressbar=False,
        rstate=numpy.random.default_rng(1),
    )
    spec = {**SPEC, "hyperparameters": hyperparameters(space)}
    found, skipped = finished(trials, spec)
    assert (len(found), skipped) == (12, 0)
    choices = spec["hyperparameters"]["c"]["choices"]
    for one, other in zip(found, trials.trials, strict=True):
        vals = other["misc"]["vals"]
        assert one["hyperparameters"]["c"] == choices[vals["c"][0]]
        assert ("m" in one["hyperparameters"]) == (vals["c"][0] == 1)
        assert one["values"] == {"loss": other["result"]["loss"]}
