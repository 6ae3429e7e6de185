"""`tunelet.interop.hyperopt.fmin`: searches as Hyperopt's users write them."""

import inspect
from pathlib import Path
from typing import Any

import hyperopt
import numpy
import pytest
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, anneal, hp, mix, space_eval, tpe
from hyperopt.exceptions import AllTrialsFailed
from hyperopt.pyll import scope
from sklearn import datasets, model_selection, naive_bayes, svm, tree

from tests.unit.tunelet.interop.written import classifiers
from tunelet.errors import Reject
from tunelet.interop.hyperopt import fmin

CLASSIFIERS = classifiers(
    scope.int(hp.qlognormal("dtree_max_depth_int", 3, 1, 1)),
    scope.int(hp.quniform("dtree_min_samples_split", 2, 10, 1)),
)


def classify(args: dict[str, Any]) -> dict[str, Any]:
    x, y = datasets.load_iris(return_X_y=True)
    kind = args["type"]
    if kind == "naive_bayes":
        model = naive_bayes.GaussianNB()
    elif kind == "svm":
        kernel = "linear" if args["kernel"]["ktype"] == "linear" else "rbf"
        model = svm.SVC(C=args["C"], kernel=kernel, gamma=args["kernel"].get("width", "scale"))
    else:
        model = tree.DecisionTreeClassifier(
            criterion=args["criterion"],
            max_depth=args["max_depth"] and max(1, args["max_depth"]),
            min_samples_split=args["min_samples_split"],
        )
    score = model_selection.cross_val_score(model, x, y, cv=3).mean()
    return {"loss": 1 - float(score), "status": STATUS_OK, "kind": kind}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nested_choices_run_unchanged() -> None:
    trials = Trials()
    best = fmin(
        classify,
        CLASSIFIERS,
        algo=tpe.suggest,
        max_evals=25,
        trials=trials,
        rstate=numpy.random.default_rng(1),
    )
    chosen = space_eval(CLASSIFIERS, best)
    assert chosen["type"] == trials.best_trial["result"]["kind"]
    assert len(trials) == 25
    assert trials.argmin == best
    assert min(trials.losses()) < 0.1
    assert {result["kind"] for result in trials.results} == {"naive_bayes", "svm", "dtree"}
    for document in trials.trials:
        spec = {k: v[0] for k, v in document["misc"]["vals"].items() if v}
        assert space_eval(CLASSIFIERS, spec)["type"] == document["result"]["kind"]


def test_a_loss_alone_and_settings_of_the_algorithm_are_taken() -> None:
    from functools import partial

    algo = partial(anneal.suggest, shrink_coef=0.2)
    best = fmin(lambda x: (x - 1) ** 2, hp.uniform("x", -5, 5), algo=algo, max_evals=30)
    assert best.keys() == {"x"}
    assert abs(best["x"] - 1) < 1.5


def test_the_search_ends_at_the_threshold() -> None:
    trials = Trials()
    fmin(
        abs,
        hp.uniform("x", -5, 5),
        algo=tpe.suggest,
        max_evals=200,
        loss_threshold=1.0,
        trials=trials,
    )
    assert len(trials) < 200
    assert min(trials.losses()) <= 1.0


def test_a_failed_status_fails_the_trial() -> None:
    def objective(x: float) -> dict[str, Any]:
        return {"status": STATUS_FAIL} if x < 0 else {"status": STATUS_OK, "loss": x}

    trials = Trials()
    fmin(objective, hp.uniform("x", -1, 1), max_evals=12, trials=trials)
    assert set(trials.statuses()) == {"ok", "fail"}
    with pytest.raises(AllTrialsFailed):
        fmin(lambda x: {"status": STATUS_FAIL}, hp.uniform("x", -1, 1), max_evals=2)


def test_an_exception_ends_the_search_unless_it_is_caught() -> None:
    def objective(x: float) -> float:
        if x < 0:
            raise ZeroDivisionError("x is negative")
        return x

    space = hp.uniform("x", -1, 1)
    with pytest.raises(ZeroDivisionError, match="x is negative"):
        fmin(objective, space, max_evals=30)
    assert fmin(objective, space, max_evals=12, catch_eval_exceptions=True)["x"] >= 0


def test_failures_at_the_start_do_not_end_the_search() -> None:
    trials = Trials()

    def objective(x: float) -> float:
        raise ZeroDivisionError("as always")

    with pytest.raises(AllTrialsFailed):
        fmin(
            objective,
            hp.uniform("x", -1, 1),
            max_evals=9,
            trials=trials,
            catch_eval_exceptions=True,
        )
    assert len(trials.statuses()) == 9


def test_a_name_continues_a_search() -> None:
    space = hp.uniform("x", -1, 1)
    first, second = Trials(), Trials()
    fmin(abs, space, max_evals=4, trials=first, name="a")
    fmin(abs, space, max_evals=9, trials=second, name="a")
    assert second.losses()[:4] == first.losses()
    assert len(second) == 9


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_evals": None}, "max_evals is missing"),
        ({"algo": mix.suggest}, "use tpe.suggest"),
        ({"trials": [1]}, "give an empty Trials"),
        ({"points_to_evaluate": [{"x": 0}]}, "points_to_evaluate is not supported: .* enqueue"),
        ({"early_stop_fn": abs}, "early_stop_fn is not supported: .*plateau"),
        ({"trials_save_file": "a"}, "trials_save_file is not supported: give a name"),
        ({"pass_expr_memo_ctrl": True}, "pass_expr_memo_ctrl is not supported"),
    ],
)
def test_arguments_that_cannot_be_honoured_are_refused(given: Any, message: str) -> None:
    with pytest.raises(Reject, match=message):
        fmin(abs, hp.uniform("x", -1, 1), **{"max_evals": 1, **given})


def test_every_argument_of_hyperopt_is_taken_at_its_default() -> None:
    given = inspect.signature(hyperopt.fmin).parameters
    defaults = {name: each.default for name, each in given.items() if name not in {"fn", "space"}}
    found = fmin(abs, hp.uniform("x", -1, 1), **defaults | {"max_evals": 1})
    assert found.keys() == {"x"}


def test_an_argument_of_neither_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_evls'"):
        fmin(abs, hp.uniform("x", -1, 1), max_evals=1, max_evls=1)
