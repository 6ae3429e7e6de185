"""TPE is Optuna's, with all trials and the whole space."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from msgspec.structs import replace

from algorithms.novelty import generator
from algorithms.optuna.study import view
from algorithms.optuna.tpe import TreeParzen
from tests.contracts.algorithms import LOSS, SPEED, trial
from tunelet.core.problem import Constraint, Objective, Problem
from tunelet.core.trial import Assignment, Report, Trial, TrialState
from tunelet.space import Space, parameter

PLAIN = Space.of(
    {
        "rate": {"type": "float", "min": 1e-4, "max": 1.0, "scale": "log"},
        "width": {"type": "int", "min": 1, "max": 64},
        "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
    }
)
FLOAT = Space.of({"x": {"type": "float", "min": -10.0, "max": 10.0}})


def suggested(
    space: Space,
    trials: Sequence[Trial],
    count: int = 1,
    objectives: tuple[Objective, ...] = (LOSS,),
    **settings: Any,
) -> list[Assignment]:
    problem = Problem(space, objectives, seed=11, first=len(trials))
    return list(TreeParzen(**settings).suggest(problem, trials, count).assignments)


def history(space: Space, count: int) -> list[Trial]:
    found = [space.sample(generator(5, number)) for number in range(count)]
    return [trial(number, one, objective=float(number % 7)) for number, one in enumerate(found)]


def test_it_suggests_the_same_as_optuna_on_its_own_study() -> None:
    trials = history(PLAIN, 30)
    distributions = {
        "rate": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        "width": optuna.distributions.IntDistribution(1, 64),
        "kind": optuna.distributions.CategoricalDistribution(["a", "b", "c"]),
    }
    seed = generator(11, 30, "tpe 0").getrandbits(32)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for one in trials:
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(one.hyperparameters),
                distributions=distributions,
                value=float(one.values["objective"]),
            )
        )
    assert suggested(PLAIN, trials) == [study.ask(distributions).params]


def test_it_finds_a_minimum_that_random_search_misses() -> None:
    trials: list[Trial] = []
    for number in range(40):
        (one,) = suggested(FLOAT, trials)
        x = float(str(one["x"]))
        trials.append(trial(number, one, objective=(x - 3) ** 2))
    distances = [abs(float(str(one.hyperparameters["x"])) - 3) for one in trials]
    assert sorted(distances[20:])[10] < sorted(distances[:10])[5] / 2
    assert min(distances) < 0.1


def test_maximizing_turns_it_round() -> None:
    trials = [trial(i, {"x": float(i - 10)}, objective=float(i)) for i in range(20)]
    maximize = Objective("objective", "maximize")
    (low,) = suggested(FLOAT, trials)
    (high,) = suggested(FLOAT, trials, objectives=(maximize,))
    assert float(str(low["x"])) < 0 < float(str(high["x"]))


def test_the_first_trials_are_random_and_do_not_even_import_optuna() -> None:
    code = (
        "import sys; from algorithms import load_catalog; from tunelet.space import Space;"
        "from tunelet.core.problem import Constraint, Objective, Problem;"
        "space = Space.of({'x': {'type': 'int', 'min': 1, 'max': 99}});"
        "problem = Problem(space, (Objective('objective', 'minimize'),), 1, 0);"
        "assert load_catalog().load('tpe', {}).suggest(problem, [], 3).assignments;"
        "assert not {'optuna', 'numpy', 'importlib.metadata'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "useless",
    [
        replace(trial(40, {"x": -9.0}, TrialState.FAIL), lost=True),
        replace(trial(40, {"x": -9.0}, TrialState.FAIL), cancelled=True),
        trial(40, {"x": -9.0}, TrialState.STOPPED),
        trial(40, {"x": -9.0}, accuracy=0.5),
    ],
    ids=["lost", "cancelled", "stopped before a report", "another metric"],
)
def test_trials_that_say_nothing_teach_it_nothing(useless: Trial) -> None:
    problem = Problem(FLOAT, (LOSS,), seed=1, first=41)
    trials = history(FLOAT, 40)
    with_it = TreeParzen().suggest(problem, [*trials, useless], 3)
    assert with_it == TreeParzen().suggest(problem, trials, 3)


FAILURES = {
    "failed": trial(0, {"x": 0.0}, TrialState.FAIL),
    "NaN": trial(0, {"x": 0.0}, objective="NaN"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failures_before_any_result_keep_new_trials_away(failure: Trial) -> None:
    failed = [replace(failure, number=i, hyperparameters={"x": i / 4}) for i in range(40)]
    found = suggested(FLOAT, failed, 20)
    assert sum(float(str(one["x"])) > 0 for one in found) < 5


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_the_only_result_among_failures_is_the_only_good_one(failure: Trial) -> None:
    """Though TPE takes the best tenth of all trials for good, which are four."""
    failed = [replace(failure, number=i, hyperparameters={"x": i / 4}) for i in range(39)]
    found = suggested(FLOAT, [*failed, trial(39, {"x": -6.0}, objective=1.0)], 10)
    assert all(float(str(one["x"])) < 0 for one in found)


@pytest.mark.parametrize("constraints", [(), (Constraint("objective", max=0.5),)])
def test_a_failure_is_worse_than_a_pruned_trial_or_a_violated_constraint(
    constraints: tuple[Constraint, ...],
) -> None:
    bad = trial(0, {"x": -6.0}, objective=1.0)
    if not constraints:
        bad = replace(bad, state=TrialState.PRUNED, values={})
    failed = [trial(i + 1, {"x": i / 2}, TrialState.FAIL) for i in range(20)]
    problem = Problem(FLOAT, (LOSS,), seed=3, first=21, constraints=constraints)
    found = TreeParzen().suggest(problem, [bad, *failed], 5).assignments
    assert all(float(str(one["x"])) < 0 for one in found)


def test_failures_count_with_several_objectives_too() -> None:
    failed = [trial(i, {"x": i / 4}, TrialState.FAIL) for i in range(39)]
    known = [*failed, trial(39, {"x": -6.0}, objective=1.0, speed=1.0)]
    found = suggested(FLOAT, known, 20, (LOSS, SPEED))
    assert sum(float(str(one["x"])) > 0 for one in found) < 5


def test_running_trials_keep_new_ones_away() -> None:
    trials = [trial(i, {"x": i / 4 - 10}, objective=abs(i / 4 - 12)) for i in range(80)]
    crowd = [trial(80 + i, {"x": 2 + i / 1e6}, TrialState.RUNNING) for i in range(10)]

    def distance(constant_liar: bool) -> float:
        """The median of many separate calls."""
        tpe = TreeParzen(constant_liar=constant_liar)
        problems = (Problem(FLOAT, (LOSS,), seed=seed, first=100) for seed in range(21))
        found = [tpe.suggest(problem, [*trials, *crowd], 1).assignments[0] for problem in problems]
        return sorted(abs(float(str(one["x"])) - 2) for one in found)[10]

    assert distance(constant_liar=True) > distance(constant_liar=False)


@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.STOPPED])
def test_stopped_trials_count_with_their_reports(state: TrialState) -> None:
    problem = Problem(FLOAT, (LOSS,), seed=1, first=30)
    pruned = [
        Trial(
            number=i,
            hyperparameters={"x": float(i % 10)},
            created_at=0.0,
            state=state,
            reports=(Report(1, {"objective": float(i % 10)}),),
        )
        for i in range(30)
    ]
    found = TreeParzen().suggest(problem, pruned, 5).assignments
    assert all(float(str(one["x"])) < 5 for one in found)


def test_each_branch_of_a_conditional_space_is_searched_by_the_model() -> None:
    space = Space.of(
        {
            "model": {"type": "categorical", "choices": ["svm", "net"]},
            "c": {"type": "float", "min": 0.0, "max": 1.0, "when": {"model": ["svm"]}},
            "depth": {"type": "int", "min": 1, "max": 50, "when": {"model": ["net"]}},
            "drop": {"type": "float", "min": 0.0, "max": 1.0, "when": {"depth": {"min": 10}}},
        }
    )
    trials: list[Trial] = []
    for number in range(60):
        (one,) = suggested(space, trials)
        assert not space.problems(one)
        depth, drop = one.get("depth"), one.get("drop", 1.0)
        loss = 60.0 if depth is None else abs(40 - int(str(depth))) + float(str(drop))
        trials.append(trial(number, one, objective=loss))
    late = [one.hyperparameters for one in trials[40:]]
    assert sum(one["model"] == "net" for one in late) > 12
    assert sum(abs(40 - int(str(one.get("depth", 0)))) < 10 for one in late) > 8


def test_several_objectives_may_be_infinite() -> None:
    trials = [
        trial(i, {"x": i / 4}, objective="Infinity" if i % 3 else float(i), speed=float(i % 5))
        for i in range(20)
    ]
    assert len(suggested(FLOAT, trials, 3, (LOSS, SPEED))) == 3


def test_a_finite_space_is_searched_to_its_end_without_repetition() -> None:
    space = Space.of({"n": {"type": "int", "min": 1, "max": 30}})
    trials: list[Trial] = []
    while found := suggested(space, trials):
        trials.append(trial(len(trials), found[0], objective=float(str(found[0]["n"]))))
    assert sorted(int(str(one.hyperparameters["n"])) for one in trials) == list(range(1, 31))


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ({"type": "categorical", "choices": [True, 1, 1.5, "1", None]}, [True, 1, 1.5, "1", None]),
        ({"type": "float", "min": 0.1, "max": 0.75, "step": 0.1}, [0.1, 0.3, 0.7]),
        ({"type": "int", "min": 1, "max": 10, "step": 4}, [1, 5, 9]),
    ],
)
def test_discrete_values_survive_the_way_to_optuna_and_back(
    form: dict[str, Any], values: list[Any]
) -> None:
    seen = view(parameter("x", form))
    back = [seen.decode(seen.encode(value)) for value in values]
    assert [(type(one), one) for one in back] == [(type(one), one) for one in values]


@pytest.mark.parametrize(
    "form",
    [
        {"type": "float", "min": 0.1, "max": 0.99, "scale": "reverse_log"},
        {"type": "normal", "mean": 2.0, "std": 0.5},
        {"type": "lognormal", "mean": -1.0, "std": 2.0},
    ],
)
def test_a_hyperparameter_without_a_distribution_in_optuna_is_modelled_by_its_quantile(
    form: dict[str, Any],
) -> None:
    one = parameter("x", form)
    seen = view(one)
    assert seen.distribution == optuna.distributions.FloatDistribution(0.0, 1.0)
    for unit in (0.1, 0.5, 0.9):
        assert seen.encode(one.from_unit(unit)) == pytest.approx(unit)


def test_group_needs_multivariate() -> None:
    with pytest.raises(ValueError, match="multivariate"):
        TreeParzen(group=True, multivariate=False)
