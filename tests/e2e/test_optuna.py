"""Processes that share a study of Optuna by a folder or by a service, which shows it."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from tunelet.interop.optuna import TuneletStorage

optuna.logging.set_verbosity(optuna.logging.ERROR)

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("optuna_worker.py")
TUNELET = "import sys; from tunelet.cli import main; sys.exit(main())"
Wait = Callable[[Callable[[], object]], None]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(params=["folder", "service"])
def place(request: pytest.FixtureRequest, store: Path) -> str:
    """Where the processes find the study."""
    return str(request.getfixturevalue("up")().url) if request.param == "service" else str(store)


@pytest.fixture
def start(place: str) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    with ExitStack() as stack:

        def started(how: str, count: int = 1) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [sys.executable, str(WORKER), place, how, str(count)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


def shared(storage: BaseStorage, **more: Any) -> optuna.Study:
    return optuna.create_study(study_name="shared", storage=storage, load_if_exists=True, **more)


def test_processes_share_a_study_without_a_trial_twice(start: Any, place: str) -> None:
    study = shared(TuneletStorage(place))
    workers = [start("choose", 8) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4
    trials = study.get_trials()
    assert [trial.number for trial in trials] == list(range(32))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    for trial in trials:
        assert trial.params.keys() == {"x", "kind"}
        assert trial.user_attrs == {"kind": trial.params["kind"]}
        assert trial.value == trial.params["x"] ** 2
    assert study.best_trial.value == min(trial.params["x"] ** 2 for trial in trials)


def test_each_enqueued_trial_is_taken_by_one_process(start: Any, place: str) -> None:
    study = shared(TuneletStorage(place))
    for number in range(40):
        study.enqueue_trial({"x": float(number)})
        study._storage.set_trial_param(
            study.trials[number]._trial_id,
            "x",
            float(number),
            optuna.distributions.FloatDistribution(0, 100),
        )
    workers = [start("take") for _ in range(4)]
    taken = Counter(line for worker in workers for line in worker.communicate()[0].split())
    assert taken == Counter(str(number) for number in range(40))
    assert [trial.value for trial in study.trials] == [float(number) for number in range(40)]


def test_a_trial_is_pruned_by_reports_of_another_process(start: Any, place: str) -> None:
    study = shared(TuneletStorage(place))
    assert start("prune").wait() == 0
    assert start("prune").wait() == 0
    first, second = study.trials
    assert (first.state, second.state) == (TrialState.COMPLETE, TrialState.PRUNED)
    assert first.intermediate_values == {0: 0.0, 1: 0.0, 2: 0.0}
    assert (second.intermediate_values, second.value) == ({0: 1.0}, 1.0)


def test_the_trial_of_a_killed_process_is_failed_and_retried_once(
    start: Any, place: str, wait: Wait
) -> None:
    shared(TuneletStorage(place))
    worker = start("hang")
    assert worker.stdout.readline() == "hangs 0\n"
    observers = [
        shared(
            TuneletStorage(
                f"{place}{slash}",  # two storages that share nothing but the place
                heartbeat_interval=1,
                grace_period=3,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=1),
            )
        )
        for slash in ("", "/")
    ]

    def look() -> int:
        for study in observers:
            optuna.storages.fail_stale_trials(study)
        return len(observers[0].trials)

    wait(lambda: observers[1].trials[0].params)  # the worker has written them meanwhile
    assert look() == 1
    worker.kill()
    worker.wait()
    wait(lambda: look() == 2)
    assert look() == 2
    failed, again = observers[1].trials
    assert (failed.state, again.state) == (TrialState.FAIL, TrialState.WAITING)
    assert again.params == failed.params != {}
    assert RetryHeartbeatStaleTrialCallback.retried_trial_number(again) == 0


def test_a_killed_process_loses_no_trial_that_it_had_ended(
    start: Any, place: str, wait: Wait
) -> None:
    study = shared(TuneletStorage(place))
    worker = start("choose", 100_000)
    wait(lambda: len(study.get_trials(states=(TrialState.COMPLETE,))) >= 5)
    worker.kill()
    worker.wait()
    ended = study.get_trials(states=(TrialState.COMPLETE,))
    assert all(trial.params.keys() == {"x", "kind"} for trial in ended)
    assert len(study.get_trials(states=(TrialState.RUNNING,))) <= 1
    study.optimize(lambda trial: trial.suggest_float("x", -5, 5), n_trials=1)
    assert [trial.number for trial in study.trials] == list(range(len(study.trials)))


def test_a_service_over_the_same_store_shows_the_study(up: Any, store: Path) -> None:
    storage = TuneletStorage(store)
    study = optuna.create_study(study_name="My study", storage=storage, direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    trial = study.ask()
    trial.set_user_attr("host", "a")
    served = up("--store", f"file://{store}")

    def tunelet(*arguments: str) -> Any:
        ran = subprocess.run(
            [sys.executable, "-c", TUNELET, *arguments, "--json"],
            cwd=ROOT,
            env=os.environ | {"TUNELET_URL": served.url},
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(ran.stdout)

    (listed,) = tunelet("list")["experiments"]
    assert listed["spec"]["study"]["name"] == "My study"
    shown = tunelet("show", listed["name"])
    assert shown["state"] == "RUNNING"
    assert shown["counts"]["complete"] == 3
    assert shown["best"]["values"]["objective"] == study.best_value
    assert shown["spec"]["hyperparameters"] == {"x": {"type": "float", "min": 0.0, "max": 1.0}}
    trials = tunelet("trials", listed["name"])["trials"]
    assert [each["state"] for each in trials] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert trials[0]["hyperparameters"] == study.trials[0].params
    assert trials[3]["attributes"] == {"host": "a"}
