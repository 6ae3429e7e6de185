"""`tunelet.tune` without a space: objectives that choose hyperparameters as Optuna's do."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from pyarrow import parquet
from sklearn import datasets, ensemble, model_selection, svm

import tunelet
from tests.e2e.conftest import Up
from tunelet import tune
from tunelet.cli import main
from tunelet.errors import Conflict, Reject, SearchFailed

ROOT = Path(__file__).resolve().parents[2]
SHARED = """
import os, sys, time
import functions.hosting.tune as hosting
from tunelet import tune
hosting.LEASE_SECONDS = 3.0
def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    with open(sys.argv[1], "a") as book:
        book.write(f"{trial.number} {x!r} {os.getpid()}\\n")
    began = time.monotonic()
    while len({line.split()[2] for line in open(sys.argv[1])}) < 3:
        assert time.monotonic() < began + 60
        time.sleep(0.05)
    time.sleep(0.2)
    return x
found = tune(objective, trials=24, parallel=2, name="shared", store=sys.argv[2], seed=3)
print(len(found.trials), found.experiment["counts"]["complete"])
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sharing(folder: Path) -> "subprocess.Popen[str]":
    (folder / "shared.py").write_text(SHARED)
    return subprocess.Popen(
        [sys.executable, "shared.py", str(folder / "book"), (folder / "log").as_uri()],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def written(folder: Path) -> list[list[str]]:
    book = folder / "book"
    return [line.split() for line in book.read_text().splitlines()] if book.exists() else []


# As Optuna's documentation has it, but for the number of folds.
def choose_classifier(trial: Any) -> float:
    iris = datasets.load_iris()
    x, y = iris.data, iris.target
    classifier_name = trial.suggest_categorical("classifier", ["SVC", "RandomForest"])
    if classifier_name == "SVC":
        svc_c = trial.suggest_float("svc_c", 1e-10, 1e10, log=True)
        classifier = svm.SVC(C=svc_c, gamma="auto")
    else:
        rf_max_depth = trial.suggest_int("rf_max_depth", 2, 32, log=True)
        classifier = ensemble.RandomForestClassifier(max_depth=rf_max_depth, n_estimators=10)
    return float(model_selection.cross_val_score(classifier, x, y, n_jobs=1, cv=3).mean())


def test_an_objective_of_optuna_that_branches_runs_unchanged() -> None:
    found = tune(choose_classifier, trials=15, parallel=2, direction="maximize", seed=1)
    assert len(found.trials) == 15
    assert found.best_value is not None
    assert found.best_value > 0.9
    for trial in found.trials:
        branch = "svc_c" if trial["hyperparameters"]["classifier"] == "SVC" else "rf_max_depth"
        assert trial["hyperparameters"].keys() == {"classifier", branch}
    assert found.experiment["spec"]["hyperparameters"].keys() == {
        *("classifier", "svc_c", "rf_max_depth")
    }
    study = optuna.create_study(direction="maximize")
    study.optimize(choose_classifier, n_trials=2)
    assert len(study.trials) == 2


@pytest.mark.parametrize("pruned", [optuna.TrialPruned, tunelet.TrialPruned])
def test_a_trial_is_pruned_by_the_exception_of_either_library(pruned: type[Exception]) -> None:
    def objective(trial: Any) -> float:
        trial.report(trial.suggest_float("x", 0, 1), 0)
        raise pruned

    with pytest.raises(SearchFailed, match="none of them completed") as failed:
        tune(objective, trials=2)
    found = failed.value.found
    assert [trial["state"] for trial in found.trials] == ["PRUNED", "PRUNED"]
    assert all(trial["hyperparameters"] for trial in found.trials)


def test_a_stopping_rule_judges_the_reports() -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1) if trial.number else 0.0
        deadline = time.monotonic() + 30
        for step in range(1000):
            trial.report(x + (1 if trial.number else 0), step)
            if trial.should_prune():
                raise tunelet.TrialPruned
            if trial.number == 0 and step == 20:
                return 0.0
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return x

    rule = {"name": "median", "settings": {"n_startup_trials": 1}}
    found = tune(objective, trials=2, early_stopping=[rule])
    assert [trial["state"] for trial in found.trials] == ["COMPLETE", "PRUNED"]


def test_attributes_of_a_trial_are_kept() -> None:
    def objective(trial: Any) -> float:
        trial.set_user_attr("epochs", [1, 2])
        assert trial.user_attrs == {"epochs": [1, 2]}
        return float(trial.suggest_int("n", 1, 3))

    (trial,) = tune(objective, trials=1).trials
    assert trial["attributes"] == {"epochs": [1, 2]}


def test_attributes_are_columns_of_an_export(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def objective(trial: Any) -> float:
        if trial.number:
            trial.set_user_attr("epochs", [1, 2])
            trial.set_user_attr("note", "=1+1")
        return float(trial.suggest_int("n", 1, 3))

    data = folder / "data"
    tune(objective, trials=2, name="attributed", store=(data / "store").as_uri(), progress=False)
    up = Up(data)
    for place in (["--store", str(data)], ["--url", up.url]):
        assert main(["export", "attributed", *place]) == 0
        first, second = csv.DictReader(io.StringIO(capfd.readouterr().out, newline=""))
        assert list(first)[-2:] == ["attributes.epochs", "attributes.note"]
        assert (first["attributes.epochs"], first["attributes.note"]) == ("", "")
        assert (second["attributes.epochs"], second["attributes.note"]) == ("[1, 2]", "'=1+1")
        out = folder / "attributed.parquet"
        assert main(["export", "attributed", "-o", str(out), *place]) == 0
        rows = parquet.read_table(out).to_pylist()
        assert [row["attributes.epochs"] for row in rows] == [None, "[1, 2]"]
    up.close()


def test_several_objectives_end_in_a_pareto_front() -> None:
    def objective(trial: Any) -> tuple[float, float]:
        x = trial.suggest_float("x", 0, 1)
        return x, 1 - x

    found = tune(objective, trials=6, direction=["minimize", "minimize"], algorithm="nsga2")
    assert len(found.experiment["pareto"]) == 6
    assert found.best_params is None


@pytest.mark.parametrize(
    ("choices", "message"),
    [([print], "is a builtin_function_or_method"), ([float("inf")], "finite")],
)
def test_a_choice_that_the_log_cannot_hold_fails_the_trial(
    choices: list[Any], message: str
) -> None:
    with pytest.raises(SearchFailed, match=message):
        tune(lambda trial: trial.suggest_categorical("f", choices), trials=1)


def test_a_trial_that_fails_keeps_the_hyperparameters_that_it_chose() -> None:
    def objective(trial: Any) -> float:
        trial.suggest_float("x", 0, 1)
        raise RuntimeError("out of memory")

    with pytest.raises(SearchFailed) as failed:
        tune(objective, trials=1)
    (trial,) = failed.value.found.trials
    assert (trial["state"], trial["hyperparameters"].keys()) == ("FAIL", {"x"})


@pytest.mark.parametrize("algorithm", ["grid_search", "optuna.GridSampler", "hyperopt.tpe", "pbt"])
def test_an_algorithm_that_needs_a_space_is_refused_with_those_that_do_not(algorithm: str) -> None:
    with pytest.raises(Reject, match="give tune a space, or use one of tpe, random_search"):
        tune(lambda trial: 0.0, algorithm=algorithm)


def test_equal_hyperparameters_are_avoided_only_with_a_space_in_advance() -> None:
    space = {name: {"type": "categorical", "choices": [0, 1, 2]} for name in ("x", "y")}

    def ask(trial: Any) -> int:
        return sum(trial.suggest_categorical(name, [0, 1, 2]) for name in space)

    def different(*search: Any) -> int:
        found = tune(*search, trials=9, seed=1, algorithm="random_search", store="memory://")
        return len({str(trial.hyperparameters) for trial in found.trials})

    assert different(lambda params: sum(params.values()), space) == 9
    assert different(ask) < 9


def test_a_search_with_a_space_is_not_continued_without_one() -> None:
    tune(lambda p: p["x"], {"x": {"type": "float", "min": 0, "max": 1}}, trials=1, name="a")
    with pytest.raises(Conflict, match="choose another name"):
        tune(lambda trial: trial.suggest_float("x", 0, 1), trials=2, name="a")


def test_a_resumed_search_continues_to_the_larger_budget() -> None:
    def objective(trial: Any) -> float:
        return float((trial.suggest_float("x", -5, 5) - 2) ** 2)

    first = tune(objective, trials=10, name="a", seed=1)
    second = tune(objective, trials=25, name="a", seed=1)
    assert second.trials[:10] == first.trials
    chosen = [trial["hyperparameters"]["x"] for trial in second.trials]
    assert len(set(chosen)) == len(chosen) == 25


def test_processes_share_the_trials_and_one_that_is_killed_gives_its_back(folder: Path) -> None:
    processes = [sharing(folder) for _ in range(3)]
    try:
        deadline = time.monotonic() + 60
        while len({pid for _, _, pid in written(folder)}) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        processes[0].send_signal(signal.SIGKILL)
        answers = [process.communicate(timeout=90)[0].split() for process in processes[1:]]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert answers == [["24", "24"], ["24", "24"]]
    numbers = [int(number) for number, _, _ in written(folder)]
    assert set(numbers) == set(range(24))
    # Only what the killed process had in hand is called again.
    assert len(numbers) <= 24 + 2
