"""`tunelet.tune`: a function in this process, from one call to its best hyperparameters."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from tunelet import TrialPruned, tune
from tunelet.cli import main
from tunelet.errors import Conflict, Reject, SearchFailed

ROOT = Path(__file__).resolve().parents[2]
X = {"x": {"type": "float", "min": -5.0, "max": 5.0}}
SHARED = """
import os, sys, time
import functions.hosting.tune as hosting
from tunelet import tune
hosting.LEASE_SECONDS = float(sys.argv[4])
def objective(params):
    with open(sys.argv[1], "a") as book:
        book.write(f"{params['x']!r} {os.getpid()}\\n")
    began = time.monotonic()
    while len({line.split()[1] for line in open(sys.argv[1])}) < int(sys.argv[3]):
        assert time.monotonic() < began + 60
        time.sleep(0.05)
    time.sleep(0.2)
    return params["x"]
found = tune(objective, {"x": {"type": "float", "min": 0.0, "max": 1.0}}, trials=16, parallel=4,
             algorithm="random_search", name="shared", store=sys.argv[2], seed=3)
print(len(found.trials), found.experiment["counts"]["complete"])
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sharing(
    folder: Path, processes: int = 1, lease_seconds: float = 3.0
) -> "subprocess.Popen[str]":
    """A process that works on the shared experiment, once `processes` of them do."""
    (folder / "shared.py").write_text(SHARED)
    return subprocess.Popen(
        [
            sys.executable,
            "shared.py",
            str(folder / "book"),
            (folder / "log").as_uri(),
            str(processes),
            str(lease_seconds),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_best_hyperparameters_are_found_within_the_budget() -> None:
    called: list[float] = []

    def objective(params: dict[str, float]) -> float:
        called.append(params["x"])
        return (params["x"] - 2) ** 2

    found = tune(objective, X, trials=30, parallel=2, seed=1)
    assert len(called) == len(found.trials) == 30
    assert found.best_value == min((x - 2) ** 2 for x in called)
    assert found.best_params is not None
    assert abs(found.best_params["x"] - 2) < 0.5


def test_the_same_name_takes_the_search_up_with_a_larger_budget() -> None:
    def objective(params: dict[str, float]) -> float:
        return params["x"]

    first = tune(objective, X, trials=3, name="mine", algorithm="random_search")
    more = tune(objective, X, trials=5, name="mine", algorithm="random_search")
    assert [t["hyperparameters"] for t in more.trials[:3]] == [
        t["hyperparameters"] for t in first.trials
    ]
    assert len(more.trials) == 5
    with pytest.raises(Conflict, match="other hyperparameters"):
        tune(objective, {"y": X["x"]}, name="mine")


def test_the_same_name_continues_with_another_algorithm_only_if_one_is_given() -> None:
    def searched(trials: int, **options: Any) -> str:
        found = tune(lambda p: p["x"], X, trials=trials, name="digits", **options)
        return str(found.experiment["spec"]["hpo_algorithm"]["name"])

    assert searched(2, algorithm="random_search") == "random_search"
    assert searched(3) == "random_search"
    assert searched(4, algorithm="tpe") == "tpe"


def test_a_stopping_rule_prunes_through_the_trial() -> None:
    def objective(params: dict[str, float], trial: Any) -> float:
        """Each trial is worse than those before it. The first four end by themselves."""
        for step in range(50):
            trial.report(trial.number, step)
            time.sleep(0.02)
            if trial.should_prune():
                raise TrialPruned
        deadline = time.monotonic() + (0 if trial.number < 4 else 60)
        while time.monotonic() < deadline:
            time.sleep(0.02)
            if trial.should_prune():
                raise TrialPruned
        return float(trial.number)

    rule = {"name": "median", "settings": {"n_startup_trials": 3}}
    found = tune(
        objective, X, trials=7, parallel=4, algorithm="random_search", early_stopping=[rule]
    )
    assert found.trials[0].state == "COMPLETE"
    assert [trial.state for trial in found.trials[4:]] == ["PRUNED"] * 3
    assert all(trial.reports for trial in found.trials)


def test_an_exception_fails_its_trial_with_the_reason() -> None:
    def objective(params: dict[str, float]) -> float:
        if params["x"] < 0:
            raise ValueError("x is below zero")
        return params["x"]

    found = tune(objective, X, trials=10, algorithm="random_search", seed=1)
    failed = [trial for trial in found.trials if trial["state"] == "FAIL"]
    assert found.experiment["state"] == "COMPLETE"
    assert 0 < len(failed) < 10
    assert {t["reason"] for t in failed} == {"the function raised ValueError: x is below zero"}


@pytest.mark.parametrize("answer", [None, "0.5", {"objective": "low"}, True])
def test_an_answer_that_is_not_a_number_fails_the_trial(answer: object) -> None:
    with pytest.raises(SearchFailed, match="which is not a number") as failed:
        tune(lambda params: answer, X, trials=1)
    found = failed.value.found
    assert found.best_params is found.best_value is None
    assert "which is not a number" in found.trials[0]["reason"]


@pytest.mark.parametrize("answer", [{"loss": 0.5}, [1.0]])
def test_an_answer_without_the_objective_says_what_to_return(answer: object) -> None:
    with pytest.raises(SearchFailed, match="return a number, or a dict with the key 'objective'"):
        tune(lambda params: answer, X, trials=1)


def test_too_few_values_of_several_objectives_fail_the_trial() -> None:
    with pytest.raises(SearchFailed, match="there are 2 directions: return as many numbers"):
        tune(lambda params: [1.0], X, trials=1, direction=["minimize", "maximize"])


class Corrected:
    """An objective that works once it is corrected."""

    def __init__(self, flaw: Callable[[dict[str, float], Any], float]) -> None:
        self.works = False
        self._flaw = flaw

    def __call__(self, params: dict[str, float], trial: Any) -> float:
        return params["x"] if self.works else self._flaw(params, trial)


def broken(params: dict[str, float], trial: Any) -> float:
    return params["y"]


def waiting(params: dict[str, float], trial: Any) -> float:
    while not trial.should_prune():
        time.sleep(0.01)
    return 0.0


@pytest.mark.parametrize(
    ("flaw", "options", "given"),
    [
        (broken, {"trials": 2}, " with trials=4"),
        (broken, {"trials": 5}, ""),
        (waiting, {"timeout": 0.05, "trials": 3}, " with timeout="),
    ],
)
def test_a_search_without_a_result_raises_and_continues_as_its_error_says(
    flaw: Any, options: dict[str, Any], given: str
) -> None:
    objective, named = Corrected(flaw), {"name": "mine"} | options
    with pytest.raises(SearchFailed, match=r"mine failed: .*; once the cause is corr") as failed:
        tune(objective, X, **named)
    assert "FAILED, " in repr(failed.value.found)
    assert str(failed.value).count("KeyError") == (1 if flaw is broken else 0)
    said = str(failed.value).partition("call tune again")[2]
    assert said.startswith(given)
    more = eval(f"dict({said.removeprefix(' with ')})")
    if "timeout" in more:
        more["timeout"] += 600  # the machine may be slow

    objective.works = True
    found = tune(objective, X, **{**named, **more})
    ran = len(failed.value.found.trials)
    assert found.experiment["state"] == "COMPLETE"
    assert len(found.trials) == {**named, **more}["trials"] > ran


def test_a_search_of_one_assignment_continues_with_a_retry() -> None:
    objective, only = Corrected(broken), {"x": {"type": "categorical", "choices": [1]}}
    with pytest.raises(SearchFailed, match="the search space is exhausted") as failed:
        tune(objective, only, name="mine")
    assert str(failed.value).endswith(" and call tune again")
    assert main(str(failed.value).split("`")[1].split()[1:]) == 0

    objective.works = True
    found = tune(objective, only, name="mine")
    assert [trial.state for trial in found.trials] == ["FAIL", "COMPLETE"]


def test_a_search_with_too_many_failures_continues_once_it_is_extended() -> None:
    objective = Corrected(broken)
    objective.works = True
    tune(objective, X, name="mine", trials=3)
    objective.works = False
    assert main(["extend", "mine", "--max-failed-trials", "0"]) == 0
    with pytest.raises(SearchFailed, match=r"max_failed_trials is 0\)") as failed:
        tune(objective, X, name="mine", trials=9)
    assert main(str(failed.value).split("`")[1].split()[1:]) == 0
    objective.works = True
    assert len(tune(objective, X, name="mine", trials=9).trials) == 9


def test_a_script_whose_objective_raises_fails_with_its_traceback(folder: Path) -> None:
    (folder / "search.py").write_text(
        "from tunelet import tune\n"
        "def objective(trial):\n    return trial.suggest_float('x', 0, 1) / 0  # here\n"
        "tune(objective, trials=3)\n"
    )
    ran = subprocess.run(
        [sys.executable, "search.py"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert re.search(r"tunelet.errors.SearchFailed: exp-\w+ failed: ", ran.stderr)
    assert "; once the cause is corrected, call tune again\n" in ran.stderr
    assert "/ 0  # here" in ran.stderr
    assert ran.stderr.endswith("\nZeroDivisionError: float division by zero\n")


ENDLESS = """
import sys, time
from tunelet import tune
def objective(params):
    with open("book", "a") as book:
        book.write("x")
    time.sleep(float(sys.argv[1]))
    return params["x"]
options = eval(sys.argv[2])
found = tune(objective, {"x": {"type": "float", "min": 0.0, "max": 1.0}}, trials=6, **options)
print(len(found.trials), found.experiment["counts"]["complete"])
"""


@pytest.fixture
def endless(folder: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts the script, whose calls take this many seconds, with these options of `tune`."""
    (folder / "search.py").write_text(ENDLESS)
    started = []

    def start(seconds: float, **options: Any) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                [sys.executable, "search.py", str(seconds), repr(options)],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def calls(folder: Path) -> int:
    book = folder / "book"
    return len(book.read_text()) if book.exists() else 0


def started(folder: Path) -> int:
    """How many attempts have begun as the log of the experiment has it."""
    entries = (folder / "tunelet-data/store/v1/default/mine/journal").glob("*.json")
    return sum(entry.read_text().count('"AttemptStarted"') for entry in entries)


def test_after_ctrl_c_the_last_line_says_how_to_continue(
    folder: Path, wait: Any, endless: Callable[..., Any]
) -> None:
    first = endless(0.2)
    wait(lambda: calls(folder) > 2)
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == -signal.SIGINT
    name, _, again = errors.splitlines()[-1].partition(" has not ended, and its results are kept: ")
    assert again == f"to continue it, call tune again with name={name!r}"

    out, errors = endless(0, name=name).communicate(timeout=60)
    assert out == "6 6\n", errors


@pytest.mark.parametrize("processes", [False, "fork"])
def test_any_number_of_interrupts_fail_no_trial(
    processes: bool | str,
    folder: Path,
    wait: Any,
    endless: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = {"name": "mine", "processes": processes}
    for known in range(4):  # one more than a trial has attempts
        interrupted = endless(600, **named)
        wait(lambda known=known: calls(folder) > known and started(folder) > known)
        interrupted.send_signal(signal.SIGINT)
        interrupted.communicate(timeout=60)

    out, errors = endless(0, **named).communicate(timeout=60)
    assert out == "6 6\n", errors
    assert calls(folder) == 4 + 6
    assert main(["trials", "mine", "--json", "--store", "tunelet-data"]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert [each["attempt"] for each in trials] == [5, 1, 1, 1, 1, 1]  # no number is left out


def test_further_numbers_are_kept_next_to_the_objective() -> None:
    found = tune(lambda params: {"objective": params["x"], "seconds": 3}, X, trials=1)
    assert found.trials[0]["values"]["seconds"] == 3


def test_a_space_of_optuna_is_taken_as_it_is() -> None:
    space = {"k": optuna.distributions.IntDistribution(1, 9)}
    found = tune(lambda params: params["k"], space, trials=9, direction="maximize")
    assert found.best_params is not None
    assert type(found.best_params["k"]) is int


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(Reject, match="give a function"):
        tune(5, X)  # type: ignore[arg-type]
    with pytest.raises(Reject, match=r"^trials: must be at least 1"):
        tune(lambda params: 0.0, X, trials=0)


def test_processes_with_one_store_and_name_share_the_trials(folder: Path) -> None:
    both = [sharing(folder, 2), sharing(folder, 2)]
    said = [process.communicate(timeout=90) for process in both]
    assert [out for out, _ in said] == ["16 16\n", "16 16\n"], said
    calls = [line.split() for line in (folder / "book").read_text().splitlines()]
    assert len(calls) == len({x for x, _ in calls}) == 16
    assert len({process for _, process in calls}) == 2


def test_trials_of_a_killed_process_are_made_again_by_the_others(folder: Path) -> None:
    """At once, because a folder shows that the process is dead: its lease holds for an hour."""
    victim = sharing(folder, lease_seconds=3600)
    book = folder / "book"
    deadline = time.monotonic() + 60
    while not (book.exists() and len(book.read_text().splitlines()) >= 6):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    victim.kill()
    victim.communicate()
    out, err = sharing(folder, lease_seconds=3600).communicate(timeout=60)
    assert out == "16 16\n", err
    calls = Counter(line.split()[0] for line in book.read_text().splitlines())
    assert len(calls) == 16
    assert 16 < calls.total() <= 20


def test_the_lease_of_a_process_ends_with_its_search(folder: Path) -> None:
    """A bucket shows no dead process, so the lease has to."""
    tune(lambda params: params["x"], X, trials=2, store=(folder / "log").as_uri())
    (lease,) = (folder / "log" / "installations").iterdir()
    assert json.loads(lease.read_text())["seconds"] == 0


def test_the_function_of_the_readme_is_searched(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "README.md").read_text()
    code = next(each for each in text.split("```python\n") if "import tune" in each)
    exec(compile(code.split("```")[0], "README.md", "exec"), {"__name__": "readme"})
    shown = capsys.readouterr().out
    assert shown.startswith("{'x': ")
    assert float(shown.split()[-1]) < 1.0


def shown(*arguments: str) -> str:
    """What a command in another process prints, in the folder where the search was."""
    main = "from tunelet.cli import main; main()"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.check_output([sys.executable, "-c", main, *arguments], env=env, text=True)


@pytest.mark.parametrize("processes", [False, "fork", "spawn"])
def test_what_a_call_prints_is_shown_by_a_later_process(
    processes: bool | str, capfd: pytest.CaptureFixture[str]
) -> None:
    tune(talking, X, trials=3, parallel=2, name="talks", processes=processes, progress=False)
    assert "of trial 2: x = " in capfd.readouterr().out
    assert "of trial 2: x = " in shown("logs", "talks", "2")


def talking(params: dict[str, float], trial: Any) -> float:
    print(f"of trial {trial.number}: x = {params['x']}")
    return params["x"]


def test_the_output_is_not_stored_if_it_is_not_wanted(folder: Path) -> None:
    tune(talking, X, trials=2, name="quiet", keep_output=False, progress=False)
    assert not list((folder / "tunelet-data").rglob("*output*"))
    tune(talking, X, trials=2, name="loud", progress=False)
    assert len(list((folder / "tunelet-data").rglob("*output*"))) == 2
