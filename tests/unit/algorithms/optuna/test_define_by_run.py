"""Optuna's samplers, asked while trials run."""

import math

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from algorithms.optuna.define_by_run import DefineByRun, distribution, form
from tunelet.core.problem import Objective
from tunelet.core.trial import Number, Report, Trial, TrialState, Verdict

LOSS = (Objective("loss", "minimize"),)


def search(algorithm: str = "tpe", seed: int = 1) -> DefineByRun:
    return DefineByRun(algorithm, {}, LOSS, seed)


def carried_out(one: DefineByRun, number: int, attempt: int = 1) -> Trial:
    """A trial that this search begins and ends, as the log would have it."""
    choices = one.begin(number, attempt)
    x = choices.suggest_float("x", -5, 5)
    choices.suggest_categorical("c", ["a", None, True, 1])
    choices.suggest_int("n", 1, 9, step=2)
    reports = (Report(0, {"loss": x * x}),)
    chosen = choices.chosen({})
    choices.end(Verdict.COMPLETE, {"loss": x * x}, reports)
    return Trial(
        number,
        chosen.hyperparameters,
        0.0,
        TrialState.COMPLETE,
        reports=reports,
        values={"loss": x * x},
        space=chosen.space,
        note=chosen.note,
    )


@pytest.mark.parametrize(
    "given",
    [
        FloatDistribution(0.1, 2.0),
        FloatDistribution(0.1, 2.0, log=True),
        FloatDistribution(0.0, 1.0, step=0.25),
        FloatDistribution(1.0, 1.0),
        IntDistribution(1, 9, step=2),
        IntDistribution(1, 1024, log=True),
        CategoricalDistribution(["a", None, True, 1, 0.5]),
    ],
)
def test_a_distribution_is_the_same_after_the_log(given: BaseDistribution) -> None:
    assert distribution(form(given)) == given


def test_trials_learnt_from_the_log_are_those_that_ran_here() -> None:
    here, elsewhere = search(), search()
    past = [carried_out(here, number) for number in range(12)]
    elsewhere.learn(past)
    elsewhere.learn(past)
    own, learnt = here._study.trials, elsewhere._study.trials
    assert [(t.params, t.distributions, t.values, t.state) for t in own] == [
        (t.params, t.distributions, t.values, t.state) for t in learnt
    ]
    assert carried_out(here, 12).hyperparameters == carried_out(elsewhere, 12).hyperparameters


def test_each_trial_and_each_attempt_draws_other_values() -> None:
    one, again = search("random_search"), search("random_search")
    drawn = [carried_out(one, *at).hyperparameters["x"] for at in ((0, 1), (0, 2), (1, 1))]
    assert len(set(drawn)) == 3
    assert carried_out(again, 1).hyperparameters["x"] == drawn[2]


def test_the_state_of_cma_es_is_known_to_another_process() -> None:
    pytest.importorskip("cmaes")
    here, elsewhere = search("cma_es"), search("cma_es")
    elsewhere.learn([carried_out(here, number) for number in range(8)])
    attributes = [set(t.system_attrs) for t in elsewhere._study.trials]
    assert any("cma" in name for names in attributes for name in names)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.LOST, Verdict.PRUNED])
@pytest.mark.parametrize("algorithm", ["tpe", "cma_es"])
def test_a_trial_without_a_value_ends_in_the_study(verdict: Verdict, algorithm: str) -> None:
    one = search(algorithm)
    choices = one.begin(0, 1)
    choices.suggest_float("x", 0, 1)
    choices.end(verdict, {}, (Report(3, {"loss": 0.5}),))
    states = optuna.trial.TrialState
    state = states.PRUNED if verdict is Verdict.PRUNED else states.FAIL
    if verdict is Verdict.FAIL and algorithm == "tpe":
        state = states.COMPLETE  # with the worst value, so that it is avoided
    (trial,) = one._study.trials
    assert (trial.state, trial.intermediate_values) == (state, {3: 0.5})
    assert state is not states.COMPLETE or trial.values == [math.inf]
    assert one.ended == 1


@pytest.mark.parametrize("learnt", [False, True])
def test_tpe_avoids_choices_that_fail(learnt: bool) -> None:
    """One of two choices always fails. TPE that ignores failures takes it in all of the last 40."""
    one, failures, past = search(), 0, list[Trial]()
    for number in range(60):
        if learnt:
            one = search()
            one.learn(past)
        choices = one.begin(number, 1)
        x, fails = (
            choices.suggest_float("x", -5, 5),
            choices.suggest_categorical("c", [True, False]),
        )
        chosen = choices.chosen({})
        values: dict[str, Number] = {} if fails else {"loss": x * x}
        choices.end(Verdict.FAIL if fails else Verdict.COMPLETE, values, ())
        failures += bool(fails) and number >= 20
        state = TrialState.FAIL if fails else TrialState.COMPLETE
        ended = Trial(number, chosen.hyperparameters, 0.0, state, values=values, space=chosen.space)
        past.append(ended)
    assert failures <= 12


def test_nothing_that_failed_counts_as_good_if_nearly_all_fail() -> None:
    one = search()
    for number in range(40):
        choices = one.begin(number, 1)
        x = choices.suggest_float("x", 0, 1)
        fails = number != 5
        choices.end(Verdict.FAIL if fails else Verdict.COMPLETE, {} if fails else {"loss": x}, ())
    assert one._gamma()["gamma"](40) == 1
    assert not search("cma_es")._gamma()
