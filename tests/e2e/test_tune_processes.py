"""`tunelet.tune` with processes: a function that kills its process costs one attempt."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tunelet import TrialPruned, tune
from tunelet.errors import Reject, SearchFailed

ROOT = Path(__file__).resolve().parents[2]
X = {"x": {"type": "float", "min": 0.0, "max": 1.0}}
SCRIPT = """
import os, sys, time
from tunelet import tune

def objective(trial):
    trial.suggest_float("x", 0, 1)
    with open(sys.argv[1], "a") as book:
        book.write(f"{os.getpid()}\\n")
    while True:
        time.sleep(1)

if __name__ == "__main__":
    tune(objective, trials=4, parallel=2, processes=sys.argv[2], store=sys.argv[3])
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def squared(params: dict[str, float]) -> dict[str, float]:
    return {"objective": (params["x"] - 0.5) ** 2, "pid": os.getpid()}


def exits_once(params: dict[str, float], trial: Any) -> float:
    """Ends its process in the first attempt of trial 1."""
    if trial.number == 1 and not Path("died").exists():
        Path("died").touch()
        os._exit(3)
    return params["x"]


def in_slot(params: dict[str, float], trial: Any) -> float:
    """Fails if another call has its slot now."""
    mark = Path(f"slot{trial.slot}")
    mark.touch(exist_ok=False)
    time.sleep(0.05 * (1 + trial.number % 3))
    mark.unlink()
    Path(f"{trial.slot} in {os.getpid()}").touch()
    return params["x"]


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_calls_in_other_processes_at_the_same_time_have_different_slots(method: str) -> None:
    found = tune(in_slot, X, trials=9, parallel=3, processes=method, progress=False)
    assert {trial.state for trial in found.trials} == {"COMPLETE"}
    # A slot has one process, in which a library may keep its GPU.
    assert sorted(each.name[0] for each in Path().glob("* in *")) == ["0", "1", "2"]


@pytest.mark.parametrize("method", ["spawn", "fork", True])
def test_trials_run_in_parallel_in_other_processes(method: bool | str) -> None:
    def asleep(params: dict[str, float]) -> dict[str, float]:
        time.sleep(0.2)
        return squared(params)

    objective = asleep if method == "fork" else squared
    found = tune(objective, X, trials=8, parallel=2, processes=method, algorithm="random_search")
    pids = {trial.values["pid"] for trial in found.trials}
    assert os.getpid() not in pids
    assert len(pids) == 2 if method == "fork" else len(pids) <= 2
    assert found.best_value == min(trial.values["objective"] for trial in found.trials)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_process_that_exits_costs_one_attempt(method: str) -> None:
    found = tune(exits_once, X, trials=4, parallel=2, processes=method, algorithm="random_search")
    assert [trial.state for trial in found.trials] == ["COMPLETE"] * 4
    assert [trial.attempt for trial in found.trials] == [1, 2, 1, 1]


@pytest.mark.parametrize(
    "die",
    [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: ctypes.string_at(0)],
    ids=["killed", "segmentation fault"],
)
def test_a_process_that_a_signal_kills_costs_one_attempt(die: Callable[[], object]) -> None:
    def objective(trial: Any) -> float:
        x = float(trial.suggest_float("x", 0, 1))
        if trial.number == 1 and not Path("died").exists():
            Path("died").touch()
            die()
        return x

    found = tune(objective, trials=4, processes="fork")
    assert [trial.state for trial in found.trials] == ["COMPLETE"] * 4
    assert [trial.attempt for trial in found.trials] == [1, 2, 1, 1]


def test_a_trial_that_always_kills_its_process_fails_with_the_signal() -> None:
    def objective(params: dict[str, float], trial: Any) -> float:
        if trial.number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return params["x"]

    found = tune(objective, X, trials=3, processes="fork", algorithm="random_search")
    assert [trial.state for trial in found.trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert "SIGKILL" in found.trials[0]["reason"]


def test_a_trial_in_another_process_chooses_reports_and_is_pruned() -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        kind = trial.suggest_categorical("kind", ["a", None])
        trial.set_user_attr("seen", trial.params)
        trial.report(trial.suggest_int("n", 1, 3), 7)
        assert trial.user_attrs == {"seen": {"x": x, "kind": kind}}
        if trial.number == 1:
            raise TrialPruned("it is bad")
        return float(x)

    first, second = tune(objective, trials=2, processes="fork").trials
    assert first["hyperparameters"].keys() == {"x", "kind", "n"}
    assert first["attributes"]["seen"].keys() == {"x", "kind"}
    assert [report.step for report in first.reports] == [7]
    assert (second.state, second["reason"]) == ("PRUNED", "it is bad")


def test_a_stopping_rule_reaches_the_process() -> None:
    def objective(params: dict[str, float], trial: Any) -> float:
        for step in range(1000):
            trial.report(trial.number, step)
            if trial.should_prune():
                raise TrialPruned
            if trial.number == 0 and step == 20:
                return 0.0
            time.sleep(0.02)
        raise AssertionError("it was never to stop")

    rule = {"name": "median", "settings": {"n_startup_trials": 1}}
    found = tune(objective, X, trials=2, processes="fork", early_stopping=[rule])
    assert [trial.state for trial in found.trials] == ["COMPLETE", "PRUNED"]


def test_an_error_in_another_process_fails_the_trial_with_its_line() -> None:
    def objective(trial: Any) -> float:
        if trial.number:
            trial.suggest_float("x", 2, 1)
        raise ValueError("too deep")

    with pytest.raises(SearchFailed) as failed:
        tune(objective, trials=2, processes="fork")
    first, second = failed.value.found.trials
    assert first["reason"] == "the function raised ValueError: too deep"
    assert 'raise ValueError("too deep")' in first["log_tail"]
    assert "low <= high" in second["reason"]


def test_a_function_that_a_new_process_cannot_import_is_refused_with_the_remedy() -> None:
    with pytest.raises(Reject, match='use processes="fork"'):
        tune(lambda trial: 0.0, processes=True)
    with pytest.raises(Reject, match='True, "spawn" or "fork"'):
        tune(squared, X, processes="threads")


def test_a_script_that_calls_tune_while_it_is_imported_is_refused_with_the_remedy(
    folder: Path,
) -> None:
    script = folder / "bare.py"
    script.write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"))
    ran = subprocess.run(
        [sys.executable, str(script), "book", "spawn", (folder / "log").as_uri()],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert 'call tune below `if __name__ == "__main__":`' in ran.stderr.splitlines()[-1]
    assert not (folder / "log" / "v1").exists()


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_no_process_is_left_when_the_search_is_killed(folder: Path, method: str) -> None:
    (folder / "script.py").write_text(SCRIPT)
    book = folder / "book"
    search = subprocess.Popen(
        [sys.executable, "script.py", str(book), method, (folder / "log").as_uri()],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    try:
        while not (book.exists() and len(book.read_text().splitlines()) == 2):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        search.kill()
        search.wait()
    while left := in_session(search.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def in_session(session: int) -> list[int]:
    """The living processes of a session. Only those that the search started are in its own."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, own = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.append(int(folder.name))
    return found
