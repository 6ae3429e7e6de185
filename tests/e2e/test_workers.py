"""Workers as processes: they share the trials of one service, end, are stopped and are killed."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Up
from tests.e2e.test_run import ROOT, TUNELET
from tests.guard import end_all
from tunelet.cli import main

WORKERS = int(os.environ.get("TUNELET_TEST_WORKERS", "24"))
REQUEST = {
    "name": "shared",
    "model_training_code": {"workers": True},
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
}
ASKS = """
import sys, time
from tunelet.client import Client
experiment = Client(sys.argv[1], timeout=120).experiment("shared")
while (trial := experiment.ask(lease_seconds=20)) is not None:
    print(trial.number, trial.attempt, flush=True)
    time.sleep(0.3)
    trial.tell(trial.hyperparameters["x"])
"""


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts `tunelet worker shared` with these words in a folder of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(up: Up, *words: str) -> "subprocess.Popen[str]":
        folder = tmp_path / f"worker{len(started)}"
        folder.mkdir()
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
        command = [*TUNELET, "worker", "shared", "--url", up.url, *words]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, cwd=folder, env=env, text=True, **output))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()
    end_all(tmp_path)


def shown(up: Up) -> Any:
    return up.client.experiment("shared")


def test_workers_run_all_trials_as_tunelet_run_does(
    up: Callable[..., Up], workers: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    service = up()
    service.client.submit({**REQUEST, "max_trials": 6})
    script = (
        'echo "step=0 objective=9"; echo "x=$1 objective=$1"; test -d "${TUNELET_CHECKPOINT_URL#file://}"'
        ' && echo "$TUNELET_TRIAL $TUNELET_ATTEMPT $TUNELET_HYPERPARAMETERS" >> seen'
    )
    command = ("--", "sh", "-c", script, "sh", "${hyperparameters.x}")
    both = [workers(service, "-j", "2", *command), workers(service, "--json", *command)]
    ended = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], ended
    lines = [line for line in ended[0][0].splitlines() if line.startswith("trial")]
    assert all(line.count("x=") == 1 for line in lines), lines
    experiment = shown(service)
    assert (experiment.state, experiment.counts["complete"]) == ("COMPLETE", 6)
    for trial in experiment.trials:
        assert trial.values["objective"] == pytest.approx(trial.hyperparameters["x"])
        assert trial.reports
        chosen = trial.hyperparameters["x"]
        output = b"".join(service.client.logs("shared", trial.number)).decode()
        assert output == f"step=0 objective=9\nx={chosen} objective={chosen}\n"
    seen = "".join(path.read_text() for path in tmp_path.glob("worker*/seen")).splitlines()
    told = [line.split(maxsplit=2) for line in seen]
    assert sorted(int(number) for number, *_ in told) == list(range(6))
    assert all(json.loads(given).keys() == {"x"} for *_, given in told)
    lines = ended[0][0].splitlines() + ended[1][0].splitlines()
    assert len(lines) == 6
    assert "shared has ended: all 6 trials have ended" in ended[0][1]


def test_a_failure_names_the_commands_that_show_the_reason_and_continue(
    up: Callable[..., Up],
    workers: Callable[..., "subprocess.Popen[str]"],
    capfd: pytest.CaptureFixture[str],
) -> None:
    service = up()
    service.client.submit({**REQUEST, "max_trials": 2})
    worker = workers(service, "--", "sh", "-c", "echo no luck; exit 3")
    _, errors = worker.communicate(timeout=120)
    assert worker.returncode == 0
    output, others, on = re.findall("-> (?:its output|why others failed|once .*): (.*)", errors)
    assert errors.count("->") == 4

    assert main(shlex.split(output)[1:]) == 0
    assert capfd.readouterr().out == "no luck\n"
    assert main(shlex.split(others)[1:]) == 0
    assert capfd.readouterr().out.count("the training exited with 3: no luck") == 2
    assert main(["show", "shared", "--url", service.url]) == 0
    shown_lines = capfd.readouterr()
    assert "failed 0-1: the training exited with 3: no luck" in shown_lines.out
    assert f"-> the output of trial 0: {output}\n" in shown_lines.err

    assert main(shlex.split(on)[1:]) == 0
    assert workers(service, "--", "echo", "objective=1").wait(120) == 0
    assert shown(service).counts["complete"] == 2
    capfd.readouterr()
    assert main(["show", "shared", "--url", service.url]) == 0
    assert capfd.readouterr().err == f"  -> why trials failed: {others}\n"


def test_the_budget_is_exact_though_a_quarter_of_the_workers_is_killed(
    up: Callable[..., Up],
) -> None:
    """Each of the killed ones has a trial, which another worker completes."""
    service = up()
    service.client.submit({**REQUEST, "max_trials": 3 * WORKERS, "parallel_trials": WORKERS})
    program = [sys.executable, "-c", ASKS, service.url]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    each = [
        subprocess.Popen(program, env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(WORKERS)
    ]
    try:
        doomed = each[: WORKERS // 4]
        held = []
        for process in doomed:
            assert process.stdout is not None
            held.append(process.stdout.readline())
            process.send_signal(signal.SIGSTOP)
        for process in doomed:
            process.kill()
        assert all(held)
        outputs = [process.communicate(timeout=300)[0] for process in each]
        assert [p.returncode for p in each[WORKERS // 4 :]] == [0] * (WORKERS - WORKERS // 4)
    finally:
        for process in each:
            process.kill()
    experiment = shown(service)
    assert experiment.counts == {
        **dict.fromkeys(experiment.counts, 0),
        "complete": 3 * WORKERS,
    }
    taken = Counter(line for output in [*held, *outputs] for line in output.splitlines())
    assert max(taken.values()) == 1, "an attempt was given twice"
    again = [trial.number for trial in experiment.trials if trial.attempt > 1]
    assert len(again) <= len(doomed)


def test_sigterm_gives_the_trial_back_and_ends_its_training(
    up: Callable[..., Up],
    workers: Callable[..., "subprocess.Popen[str]"],
    wait: Callable[[Callable[[], object]], None],
    tmp_path: Path,
) -> None:
    service = up()
    service.client.submit({**REQUEST, "max_trials": 1, "max_attempts": 1})
    script = 'echo $$ > pid; trap "echo saved > saved; exit 0" TERM; sleep 100 & wait'
    worker = workers(service, "--", "sh", "-c", script)
    folder = tmp_path / "worker0"
    wait(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip())
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 143
    (trial,) = shown(service).trials
    assert (trial.state, trial.attempt) == ("WAITING", 2)
    assert (folder / "saved").exists()
    assert not alive(int((folder / "pid").read_text()))
    assert not list(folder.glob("tunelet-worker-*"))

    rest = workers(service, "--", "sh", "-c", "echo objective=1")
    assert rest.wait(60) == 0
    assert shown(service).counts["complete"] == 1


def test_the_training_of_a_worker_that_is_killed_ends_and_another_takes_its_trial(
    up: Callable[..., Up],
    workers: Callable[..., "subprocess.Popen[str]"],
    wait: Callable[[Callable[[], object]], None],
    tmp_path: Path,
) -> None:
    service = up()
    service.client.submit({**REQUEST, "max_trials": 1, "parallel_trials": 1})
    killed = workers(service, "--lease", "5", "--", "sh", "-c", "echo $$ > pid; sleep 1000")
    folder = tmp_path / "worker0"
    wait(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip())
    killed.kill()
    other = workers(service, "--", "sh", "-c", "echo objective=1")
    assert other.wait(120) == 0
    (trial,) = shown(service).trials
    assert (trial.state, trial.attempt) == ("COMPLETE", 2)
    wait(lambda: not alive(int((folder / "pid").read_text())))
    wait(lambda: not list(folder.glob("tunelet-worker-*")))


def test_the_end_of_the_experiment_ends_trainings_and_workers(
    up: Callable[..., Up],
    workers: Callable[..., "subprocess.Popen[str]"],
    wait: Callable[[Callable[[], object]], None],
    tmp_path: Path,
) -> None:
    service = up()
    service.client.submit({**REQUEST, "max_trials": 2})
    worker = workers(service, "--lease", "5", "--", "sh", "-c", "echo $$ > pid; sleep 1000")
    folder = tmp_path / "worker0"
    wait(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip())
    service.client.stop("shared")
    assert worker.wait(60) == 0
    assert not alive(int((folder / "pid").read_text()))


def test_a_training_that_stalls_is_ended_and_made_again(
    up: Callable[..., Up], workers: Callable[..., "subprocess.Popen[str]"]
) -> None:
    service = up()
    service.client.submit({**REQUEST, "max_trials": 1, "stall_seconds": 2})
    script = 'if [ "$TUNELET_ATTEMPT" = 1 ]; then sleep 1000; fi; echo objective=1'
    worker = workers(service, "--", "sh", "-c", script)
    shown_lines, errors = worker.communicate(timeout=120)
    assert worker.returncode == 0, errors
    (trial,) = shown(service).trials
    assert (trial.state, trial.attempt) == ("COMPLETE", 2)
    assert "printed and reported nothing for 2 s (stall_seconds)" in shown_lines


def test_a_worker_survives_a_restart_of_the_service(
    up: Callable[..., Up],
    workers: Callable[..., "subprocess.Popen[str]"],
    wait: Callable[[Callable[[], object]], None],
    tmp_path: Path,
) -> None:
    service = up()
    service.client.submit({**REQUEST, "max_trials": 2, "parallel_trials": 1})
    go = tmp_path / "go"
    script = f'echo $$ > pid; while [ ! -e "{go}" ]; do sleep 0.1; done; echo objective=1'
    worker = workers(service, "--", "sh", "-c", script)
    wait((tmp_path / "worker0" / "pid").exists)
    service.kill()
    go.touch()
    service.start()
    assert worker.wait(120) == 0, worker.communicate()
    assert [t.attempt for t in shown(service).trials] == [1, 1]
    assert shown(service).counts["complete"] == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--", "no-such-program"), 2, "there is no program"),
        (("0.01", "--", "sh"), 2, "'0.01' is before --, and belongs to no option"),
        (("--", "echo", "${hyperparameters.y}"), 2, "is not a known placeholder"),
        (("--lease", "1", "--", "true"), 2, "--lease"),
    ],
)
def test_a_wrong_command_line_is_an_error_of_one_line(
    up: Callable[..., Up],
    workers: Callable[..., "subprocess.Popen[str]"],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    service = up()
    service.client.submit(REQUEST)
    worker = workers(service, *words)
    _, errors = worker.communicate(timeout=60)
    assert (worker.returncode, said in errors, "Traceback" in errors) == (code, True, False), errors


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_worker_does_not_take_trials_of_a_later_experiment_of_the_name(
    up: Callable[..., Up],
    workers: Callable[..., "subprocess.Popen[str]"],
    wait: Callable[[Callable[[], object]], None],
) -> None:
    service = up()
    request = {**REQUEST, "max_trials": 4, "parallel_trials": 1}
    service.client.submit(request)
    script = 'echo "objective=$1"; test "$TUNELET_TRIAL" = 0 || exec sleep 60'
    worker = workers(service, "--", "sh", "-c", script, "sh", "${hyperparameters.x}")
    wait(lambda: shown(service).counts["running"] and shown(service).counts["complete"])
    service.client.delete("shared")
    service.client.submit({**request, "max_trials": 4, "seed": 7})
    _, said = worker.communicate(timeout=120)
    assert worker.returncode != 0
    assert "was submitted again" in said
    again = shown(service)
    assert again.counts["complete"] == 0
    assert again.counts["waiting"] <= 1
