"""`tunelet run`: a script in the user's folder, from one command to its best hyperparameters."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tunelet.cli import main

ROOT = Path(__file__).resolve().parents[2]
TUNELET = [sys.executable, "-c", "import sys; from tunelet.cli import main; sys.exit(main())"]
TRAIN = """
import argparse
from helper import best  # beside the script
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--layers", type=int)
chosen = parser.parse_args()
shift = float(open("shift.txt").read())
print(f"loss: {(chosen.rate - best) ** 2 + chosen.layers + shift:.6f}")
"""
SPACE = ("--float", "rate=0.001:1:log", "--int", "layers=1:4", "--minimize", "loss")
SLOW = (
    'echo "$TUNELET_TRIAL" >> started; echo "$TUNELET_TRIAL $TUNELET_STOP_FILE" >> where; '
    'sleep 0.5; echo "objective=${1#*=}"'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "helper.py").write_text("best = 0.1\n")
    (tmp_path / "shift.txt").write_text("10")
    (tmp_path / "slow.sh").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def started(folder: Path, *words: str, first: str = "") -> "subprocess.Popen[str]":
    """`tunelet run` of the slow script, as a process; the script does `first` before."""
    flags = ("run", "--float", "x=0:1", "--minimize", "objective", "--name", "slow", *words)
    tunelet = [*TUNELET[:2], first + TUNELET[2]]
    return subprocess.Popen(
        [*tunelet, *flags, "--", "bash", "slow.sh"],
        cwd=folder,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_script_runs_in_the_users_folder_and_the_best_trial_can_be_repeated(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *SPACE, "-n", "6", "-j", "2", "--", sys.executable, "train.py"]) == 0

    shown = capfd.readouterr().out
    best = min(float(line.split("loss=")[1].split()[0]) for line in shown.splitlines()[:6])
    (again,) = [line for line in shown.splitlines() if line.startswith("run it again with: ")]
    printed = subprocess.check_output(again.removeprefix("run it again with: "), shell=True)
    assert float(printed.split()[1]) == pytest.approx(best, rel=1e-4)


def test_placeholders_put_the_values_where_the_command_wants_them(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ("bash", "-c", "echo objective=${hyperparameters.x}")
    flags = ("--float", "x=0:1", "--maximize", "objective", "-n", "2", "--json")
    assert main(["run", *flags, "--", *command]) == 0

    lines = capfd.readouterr().out.splitlines()
    trials = [json.loads(line) for line in lines][:-1]
    assert [each["values"]["objective"] for each in trials] == [
        each["hyperparameters"]["x"] for each in trials
    ]


def test_the_same_name_takes_an_experiment_up_with_a_larger_budget(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    named = ("run", *SPACE, "--name", "mine", "--json")
    assert main([*named, "-n", "2", "--", sys.executable, "train.py"]) == 0
    capfd.readouterr()
    assert main([*named, "-n", "4", "--", sys.executable, "train.py"]) == 0

    last = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (last["name"], last["counts"]["complete"]) == ("mine", 4)


@pytest.mark.parametrize("command", [(), (*SPACE, "--", sys.executable, "train.py")])
def test_a_search_whose_time_has_passed_continues_with_more_seconds(
    command: tuple[str, ...], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    named = ("run", "--name", "mine", "-n", "2")
    first = (*SPACE, "--max-seconds", "0.001", "--", sys.executable, "train.py")
    assert main([*named, *first]) == 1
    assert "mine is FAILED (max_seconds (0.001) have passed; " in capfd.readouterr().out
    assert main([*named, "--max-seconds", "600", *command]) == 0
    assert "mine is COMPLETE (all 2 trials have ended)" in capfd.readouterr().out


def test_another_search_does_not_take_up_the_name(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *SPACE, "--name", "mine", "-n", "1", "--", sys.executable, "train.py"]) == 0
    other = ("--float", "x=0:1", "--minimize", "loss", "--name", "mine")
    assert main(["run", *other, "--", sys.executable, "train.py"]) != 0
    shown = capfd.readouterr().err
    assert "with other hyperparameters (x is not in it): choose another name" in shown


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (
            ("--float", "rate=0.001:2:log", "--int", "layers=1:4", "--minimize", "loss"),
            'hyperparameters (rate is {"type": "float", "min": 0.001, "max": 1.0',
        ),
        (
            ("--float", "rate=0.001:1:log", "--minimize", "loss"),
            "hyperparameters (layers is in it, too): choose",
        ),
        (("--float", "rate=0.001:1", "--int", "layers=1:4", "--minimize", "loss"), "hyperpar"),
        (
            ("--float", "rate=0.001:1:log", "--int", "layers=1:4", "--maximize", "loss"),
            "objectives",
        ),
    ],
)
def test_another_range_or_direction_does_not_take_up_the_name(
    folder: Path, flags: tuple[str, ...], what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *SPACE, "--name", "mine", "-n", "1", "--", sys.executable, "train.py"]) == 0
    assert main(["run", *flags, "--name", "mine", "--", sys.executable, "train.py"]) != 0
    assert f"with other {what}" in capfd.readouterr().err


def test_the_same_command_continues_once_the_script_is_corrected(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Of another length, for bytecode is compared by size and second.
    (folder / "helper.py").write_text("better = 0.1\n")
    # One at a time: a fourth trial beside the third would fail as well.
    searched = (*SPACE, "--name", "mine", "-n", "8", "-j", "1")
    named = ("run", *searched, "--", sys.executable, "train.py")
    assert main([*named]) == 1
    out, err = capfd.readouterr()
    assert "-> once the cause is corrected: tunelet run --name mine --parallel 1\n" in err
    assert out.count("3 trials failed alike: the training exited with 1: ImportError") == 1
    assert "ImportError" not in err
    (folder / "helper.py").write_text("best = 0.1\n")
    assert main([*named]) == 0


def test_a_search_without_a_result_continues_as_its_last_lines_say(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "[ -e corrected ] && echo loss=1 || exit 3"
    for begun, lines in (
        (("--float", "x=0:1", "-n", "2"), ["tunelet run --name {} --max-trials 4"]),
        (
            ("--float", "x=0:1", "--set", "max_failed_trials=1"),
            ["tunelet extend {} --max-failed-trials 3", "tunelet run --name {}"],
        ),
        (("--choice", "x=1"), ["tunelet retry {} 0", "tunelet run --name {}"]),
    ):
        (folder / "corrected").unlink(missing_ok=True)
        words = (*begun, "--minimize", "loss", "--", "bash", "-c", script)
        assert main(["run", *words]) == 1
        out, err = capfd.readouterr()
        name = out.splitlines()[-1].split()[0]
        introduced = re.findall("-> (?:once the cause is corrected|then): (.*)", err)
        assert introduced == [line.format(name) for line in lines]
        (folder / "corrected").touch()
        assert [main(shlex.split(line)[1:]) for line in introduced] == [0] * len(lines)
        assert f"{name} is COMPLETE" in capfd.readouterr().out


def test_a_search_that_ran_out_of_time_continues_with_more(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("-n", "2", "--max-seconds", "0.001", "--", sys.executable, "train.py")
    assert main(["run", *SPACE, "--name", "mine", *words]) == 1
    err = capfd.readouterr().err
    (line,) = re.findall("-> with more time: (tunelet run --name mine --max-seconds [0-9]+)\n", err)
    # The machine may be slow: any larger number continues it.
    assert main([*shlex.split(line)[1:-1], "600"]) == 0


def test_a_search_killed_at_any_moment_continues_with_the_exact_budget(
    folder: Path, wait: Callable[[Callable[[], object]], None]
) -> None:
    first = started(folder, "-n", "6", "-j", "2")
    wait(lambda: (folder / "started").exists() and len((folder / "started").read_text()) >= 6)
    first.kill()
    first.communicate()

    second = started(folder, "-n", "6", "-j", "2", "--json")
    out, err = second.communicate(timeout=60)

    assert second.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["counts"]["complete"] == 6
    assert sorted((folder / "started").read_text().split()) == [str(n) for n in range(6)]


def test_machines_with_one_store_and_name_share_the_trials(folder: Path) -> None:
    store = ("--store", (folder / "log").as_uri(), "-n", "12", "-j", "2")
    both = [started(folder, *store, "--data", each) for each in ("one", "other")]
    for process in both:
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    begun = [line.split() for line in (folder / "where").read_text().splitlines()]
    assert sorted(int(number) for number, _ in begun) == list(range(12))
    for data in ("one", "other"):
        assert any(f"/{data}/" in stop_file for _, stop_file in begun)


def test_trials_of_a_killed_machine_are_made_again_once_its_trainings_have_ended(
    folder: Path, wait: Callable[[Callable[[], object]], None]
) -> None:
    """On one machine at once: the lease holds for an hour."""
    hour = "import functions.hosting.run as run; run.LEASE_SECONDS = 3600.0\n"
    store = ("--store", (folder / "log").as_uri(), "-n", "12", "-j", "2")
    both = [started(folder, *store, "--data", each, first=hour) for each in ("one", "other")]
    wait(
        lambda: all(any(f"/{each}/" in line for line in where(folder)) for each in ("one", "other"))
    )
    both[0].kill()
    both[0].communicate()
    _, err = both[1].communicate(timeout=90)
    assert both[1].returncode == 0, err
    assert {int(line.split()[0]) for line in where(folder)} == set(range(12))


def where(folder: Path) -> list[str]:
    path = folder / "where"
    return path.read_text().splitlines() if path.exists() else []


def test_ctrl_c_shows_how_to_continue(
    folder: Path, wait: Callable[[Callable[[], object]], None]
) -> None:
    run = started(folder, "-n", "50")
    wait((folder / "started").exists)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)

    assert run.returncode == 130
    assert "slow has not ended" in err
    assert "-> take it up again: tunelet run --name slow\n" in err


@pytest.mark.parametrize(
    "stop", [("stop", "slow"), ("stop", "slow", "0"), ("delete", "slow", "-y")]
)
def test_a_stop_ends_the_training_that_ctrl_c_has_left(
    folder: Path, wait: Callable[[Callable[[], object]], None], stop: tuple[str, ...]
) -> None:
    endless = "echo $$ > pid.part; mv pid.part pid; trap 'exit 3' TERM; while :; do sleep 0.1; done"
    (folder / "slow.sh").write_text(endless)
    run = started(folder, "-n", "2", "-j", "1")
    wait((folder / "pid").exists)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    training = int((folder / "pid").read_text())
    assert psutil.pid_exists(training)
    assert main([*stop, "--store", "tunelet-data"]) == 0
    wait(lambda: not psutil.pid_exists(training))


@pytest.mark.parametrize(
    "command",
    [(), ("--float", "x=0:1", "--minimize", "objective", "--", "bash", "slow.sh")],
)
def test_a_stopped_search_continues_with_a_larger_budget(
    folder: Path,
    wait: Callable[[Callable[[], object]], None],
    command: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = started(folder, "-n", "2", "-j", "1")
    wait((folder / "started").exists)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    store = (folder / "tunelet-data" / "store").as_uri()
    assert main(["stop", "slow", "--store", store]) == 0

    assert main(["run", "--name", "slow", "-n", "3", *command]) == 0
    assert "slow is COMPLETE (all 3 trials have ended)" in capfd.readouterr().out


def test_where_a_service_answers_the_next_commands_name_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    search = ("run", *SPACE, "-n", "1", "--name", "mine", "--", "false")
    with socket.create_server(("127.0.0.1", 0)) as service:
        url = f"http://127.0.0.1:{service.getsockname()[1]}"
        monkeypatch.setattr("tunelet.client.client.DEFAULT_URL", url)
        assert main([*search]) == 1
    assert "tunelet logs mine 0 --store tunelet-data\n" in capfd.readouterr().err


def test_two_at_once_in_one_folder_of_data_are_refused(
    folder: Path,
    wait: Callable[[Callable[[], object]], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = started(folder, "-n", "50")
    wait((folder / "started").exists)

    assert main(["run", *SPACE, "--", sys.executable, "train.py"]) != 0
    assert "another tunelet works in" in capfd.readouterr().err
    run.kill()
    run.communicate()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--float", "x=0:1", "--", "true"), "--minimize METRIC"),
        (("--minimize", "loss", "--", "true"), "name what to search"),
        (("--float", "x=0:1", "--minimize", "loss", "--", "no-such"), "there is no program"),
        ((*SPACE, "--", "bsah", "slow.sh"), "there is no program 'bsah': did you mean 'bash'?"),
        ((*SPACE, "--", "./tool/trian"), "did you mean './tool/train'?"),
        (
            (*SPACE, "--", "python", "-u", "trian.py"),
            "no file 'trian.py': did you mean 'train.py'?",
        ),
        ((*SPACE, "0.01", "--", "true"), "write only options there, and the whole command after"),
        (
            (*SPACE, "--n-trials", "3", "--", "true"),
            "is no option --n-trials: did you mean --max-tr",
        ),
        ((*SPACE, "--num-samples", "3", "--", "true"), "did you mean --max-trials?\n"),
        ((*SPACE, "--sampler", "tpe", "--", "true"), "did you mean --algorithm?\n"),
        ((*SPACE, "--direction", "max", "--", "true"), "did you mean --minimize or --maximize?"),
        (("--float", "lr", "0.01", "0.1", "--", "true"), "write --float lr=0.01:0.1\n"),
        (("--choice", "opt", "a", "b", "--", "true"), "write --choice opt=a,b\n"),
        (("--float", "x=2:1", "--minimize", "loss", "--", "true"), "write the smaller one first"),
        (
            ("--float", "x=0:1", "--minimize", "l", "--set", "metrics.source=file", "--", "true"),
            "metrics come from what the command prints",
        ),
    ],
)
def test_an_impossible_search_is_refused_at_once(
    folder: Path, words: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "tool").mkdir()
    (folder / "tool" / "train").touch(0o700)
    assert main(["run", *words]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_all_that_is_wrong_with_a_call_is_shown_at_once(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--float", "x=0", "--set", "a", "--", "python", "missing.py"]) == 2
    err = capfd.readouterr().err
    assert [line.partition(":")[0] for line in err.splitlines()] == [*["error"] * 4, "  -> see"]
    for said in ("no file 'missing.py'", "--minimize METRIC", "--float wants", "--set needs"):
        assert said in err
    assert main(["run", "--", "true"]) == 2
    assert "name what to search" in capfd.readouterr().err


def test_a_script_that_is_not_executable_is_refused_with_its_interpreter(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "train.pl").write_text("#!/usr/bin/env perl\n")
    (folder / "train").write_text("")
    for program, remedy in (
        ("./slow.sh", "write -- sh ./slow.sh"),
        ("train.py", "write -- python train.py"),
        ("./train.pl", "make it so with chmod +x ./train.pl, or name its interpreter after --"),
        ("./train", "make it so with chmod +x ./train, or name its interpreter after --"),
    ):
        assert main(["run", *SPACE, "--", program]) != 0
        assert f"is not executable: {remedy}\n" in capfd.readouterr().err
    (folder / "train").chmod(0o700)
    assert main(["run", *SPACE, "--", "train"]) != 0
    assert "'train' is not on the PATH: write -- ./train\n" in capfd.readouterr().err


def test_a_program_may_come_before_the_dashes_as_well(folder: Path) -> None:
    assert main(["run", *SPACE, "-n", "1", sys.executable, "--", "train.py"]) == 0


def test_a_failed_trial_is_explained_at_the_end(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = ("--float", "x=0:1", "--minimize", "loss", "-n", "5", "-j", "1")
    assert main(["run", *flags, "--", "bash", "-c", "echo no luck >&2; exit 3"]) == 1

    shown = capfd.readouterr()
    assert "3 trials failed alike: the training exited with 3: no luck" in shown.out
    assert "no luck" not in shown.err


def test_a_misspelt_metric_needs_another_name(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log has the metric, so the same search cannot be corrected."""
    flags = ("--float", "x=0:1", "--minimize", "los", "-n", "5", "-j", "1")
    assert main(["run", *flags, "--", "bash", "-c", "echo loss=1"]) == 1

    shown = capfd.readouterr()
    assert 'did you mean "loss"?' in shown.out
    assert "-> to search for another metric, run it with that one and another --name\n" in shown.err


def test_a_failed_trial_that_did_not_end_the_search_is_explained_as_well(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "[ $TUNELET_TRIAL = 0 ] && echo no luck >&2 && exit 3; echo loss=1"
    flags = ("--float", "x=0:1", "--minimize", "loss", "-n", "2")
    assert main(["run", *flags, "--", "bash", "-c", script]) == 0
    assert "trial 0 failed: the training exited with 3: no luck\n" in capfd.readouterr().err


def test_the_command_of_the_readme_finds_a_good_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (ROOT / "README.md").read_text()
    block = next(each for each in text.split("```sh\n") if "tunelet run" in each).split("```")[0]
    command = block[block.index("tunelet run") :].replace("\\\n", " ")
    assert "-n 10 -j 2 -- python examples" in command
    words = shlex.split(
        command.replace("-n 10", "-n 2").replace("-- python", f"-- {sys.executable}")
    )
    monkeypatch.setenv("TUNELET_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(ROOT)
    ran = subprocess.run(
        _json(words),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1])["best"]["values"]["objective"] < 0.3


def _json(words: list[str]) -> list[str]:
    """The command line, with --json before the command that it searches."""
    at = words.index("--")
    return [*TUNELET, *words[1:at], "--json", *words[at:]]
