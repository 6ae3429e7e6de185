"""The process launcher with real processes: stops, kills, and what becomes of a run then."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from adapters.launchers.local.launcher import ProcessLauncher
from tests.contracts.launchers import RUN, ended, script, until
from tests.contracts.process_launcher.launched import (
    SHIM,
    alive,
    folder_of,
    launcher_at,
    pid_in,
    shim_of,
)
from tunelet.core.run import Run
from tunelet.core.trial import Verdict


def test_the_kill_of_a_shim_loses_the_run_and_ends_its_whole_tree(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    launcher.launch(
        script(
            "echo loss=1; setsid sh -c 'echo $$ > far; exec sleep 1000' & echo $$ > near; wait;"
            " sleep 1000"
        )
    )
    work = folder_of(tmp_path) / "work"
    near, far = pid_in(work / "near"), pid_in(work / "far")
    # What the shim has not taken over yet is lost with it.
    until(lambda: b"loss=1" in b"".join(launcher.logs(RUN)))
    shim_of(tmp_path).kill()
    until(lambda: not alive(near))
    outcome = ended(launcher)
    assert outcome.verdict is Verdict.LOST
    assert not alive(far)
    assert launcher.observe(RUN).reports[0].values == {"loss": 1.0}


def test_the_whole_tree_is_stopped_even_if_parts_left_the_session_or_ignore_the_signal(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    launcher.launch(
        script(
            "setsid sh -c 'trap \"\" TERM; echo $$ > far; while :; do sleep 0.05; done' &"
            " (echo $(exec sh -c 'echo $PPID') > sub; sleep 1000) & echo $$ > near; wait"
        )
    )
    work = folder_of(tmp_path) / "work"
    pids = [pid_in(work / name) for name in ("near", "far", "sub")]
    launcher.stop(RUN)
    assert ended(launcher).reason == "stopped"
    assert [alive(pid) for pid in pids] == [False] * 3


def test_a_stopped_training_gets_time_to_save_its_work(tmp_path: Path) -> None:
    launcher = launcher_at(tmp_path, grace=60.0)
    launcher.launch(
        script("(trap 'sleep 0.3; echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done)")
    )
    until(lambda: b"up" in b"".join(launcher.logs(RUN)))
    launcher.stop(RUN)
    ended(launcher)
    assert b"saved" in b"".join(launcher.logs(RUN))


def test_signals_meant_for_the_service_reach_neither_shim_nor_training(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    launcher.launch(script("echo $$ > pid; exec sleep 1000"))
    training, shim = pid_in(folder_of(tmp_path) / "work" / "pid"), shim_of(tmp_path).pid
    assert os.getsid(shim) == shim
    assert os.getpgid(training) == training


def test_processes_that_a_run_leaves_are_killed(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launcher.launch(
        script("setsid sh -c 'echo $$ > far; exec sleep 1000' & until [ -s far ]; do sleep 0.02;"
               " done; echo objective=1")
    )  # fmt: skip
    assert ended(launcher).verdict is Verdict.COMPLETE
    assert not alive(pid_in(folder_of(tmp_path) / "work" / "far"))


def test_a_stop_that_comes_before_the_shim_is_up_is_obeyed(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    launcher.launch(script("echo objective=1; exec sleep 1000"))
    launcher.stop(RUN)
    assert ended(launcher).reason == "stopped"


def test_a_stop_never_signals_a_process_that_only_has_the_same_id(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    launcher.launch(script("exit 0"))
    ended(launcher)
    until(lambda: not launcher.active("default", "digits"))
    with subprocess.Popen(["sleep", "1000"]) as innocent:
        (folder_of(tmp_path) / "lock").write_text(str(innocent.pid))
        launcher.stop(RUN)
        assert innocent.poll() is None
        innocent.kill()


def test_no_zombie_remains(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launcher.launch(script("exit 0"))
    shim = shim_of(tmp_path)
    ended(launcher)

    def gone() -> bool:
        launcher.observe(RUN)
        return not psutil.pid_exists(shim.pid)

    until(gone)


def test_a_stopped_run_finds_the_stop_file(launcher: ProcessLauncher) -> None:
    training = "trap 'test -e \"$TUNELET_STOP_FILE\" && echo found; exit 1' TERM; echo up"
    launcher.launch(script(f"{training}; while :; do sleep 0.05; done"))
    until(lambda: b"up" in b"".join(launcher.logs(RUN)))
    launcher.stop(RUN)
    assert str(ended(launcher).log_tail).endswith("found")


def test_exit_json_has_the_documented_members(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launcher.launch(script("exit 4"))
    ended(launcher)
    end: dict[str, Any] = json.loads((folder_of(tmp_path) / "exit.json").read_text())
    assert end.pop("ended_at") > 0
    assert end == {"exit_code": 4, "stopped": False, "timed_out": False, "lost": False}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_the_machine_ends_is_lost_and_not_a_failure(
    launcher: ProcessLauncher, tmp_path: Path, number: int
) -> None:
    launcher.launch(script("echo up; trap 'exit 0' TERM; while :; do sleep 0.02; done"))
    until(lambda: b"up" in b"".join(launcher.logs(RUN)))
    shim_of(tmp_path).send_signal(number)
    outcome = ended(launcher)
    assert outcome.verdict is Verdict.LOST
    assert "not by Tunelet" in str(outcome.reason)


SAVES_AND_EXITS: dict[str, tuple[str, ...]] = {
    "a shell": (
        "sh",
        "-c",
        "trap 'exit 0' TERM; echo step=1 objective=9; while :; do sleep .02; done",
    ),
    "Python that exits in its handler": (
        sys.executable,
        "-c",
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0));"
        " print('step=1 objective=9', flush=True); time.sleep(1000)",
    ),
    "Python that ends at once": (
        sys.executable,
        "-c",
        "import signal, os, time; signal.signal(15, lambda *_: os._exit(0));"
        " print('step=1 objective=9', flush=True); time.sleep(1000)",
    ),
    "Python that ends its loop": (
        sys.executable,
        "-c",
        "import signal, time; seen = []; signal.signal(15, lambda *_: seen.append(1))\n"
        "print('step=1 objective=9', flush=True)\nwhile not seen: time.sleep(0.01)",
    ),
}


def reported(launcher: ProcessLauncher, command: tuple[str, ...], run: Run = RUN) -> None:
    """Launch it, and wait for the first line that it prints."""
    launcher.launch(script("", run, command=command))
    until(lambda: b"\n" in b"".join(launcher.logs(run)))


@pytest.mark.parametrize("pause", [0.0, 0.005, 0.05])
@pytest.mark.parametrize("training", SAVES_AND_EXITS)
def test_a_training_that_the_machine_ends_before_its_shim_is_lost_though_it_exits_with_0(
    launcher: ProcessLauncher, tmp_path: Path, training: str, pause: float
) -> None:
    attempts = (RUN._replace(attempt=number) for number in range(1, 20))
    # On a machine that is busy the shim's signal may come so late that it is no longer there.
    run = next(each for each in attempts if signalled(launcher, tmp_path, each, training, pause))
    outcome = ended(launcher, run)
    assert (outcome.verdict, dict(outcome.values)) == (Verdict.LOST, {})


def signalled(
    launcher: ProcessLauncher, tmp_path: Path, run: Run, training: str, pause: float
) -> bool:
    """Signal a training that has begun, and after a pause its shim; whether that was in time."""
    reported(launcher, SAVES_AND_EXITS[training], run)
    shim = shim_of(tmp_path, run)
    children = shim.children(recursive=True)
    begun = time.monotonic()
    for process in children:
        # The shell's own commands come and go.
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    time.sleep(pause)
    try:
        shim.terminate()
    except psutil.NoSuchProcess:
        return False
    return time.monotonic() - begun < 0.2


LOOKED_AT = """
import json, os, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
from shim_tree import Signals, Tree
signals = Signals()
os.mkdir("work")
tree = Tree({"argv": json.loads(sys.argv[2]), "env": dict(os.environ)}, ".", 1)
while tree.reap():
    tree.look()
print(tree.settling() > 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no training can be looked at")
@pytest.mark.parametrize(
    ("text", "waits"),
    [("sleep 0.2", False), ("trap 'exit 0' TERM; sleep 0.2", True), ("kill -KILL $$", True)],
)
def test_only_after_a_training_that_handles_the_signal_or_was_killed_does_the_shim_wait(
    tmp_path: Path, text: str, waits: bool
) -> None:
    words = [sys.executable, "-c", LOOKED_AT, SHIM, json.dumps(["sh", "-c", text])]
    answer = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout == f"{waits}\n"


@pytest.mark.parametrize("text", ["kill $$; sleep 9", "exit 143", "kill -INT $$", "kill -HUP $$"])
def test_a_training_that_ends_by_a_signal_that_asks_it_to_end_is_lost(
    launcher: ProcessLauncher, text: str
) -> None:
    launcher.launch(script(f"echo objective=1; {text}"))
    outcome = ended(launcher)
    assert outcome.verdict is Verdict.LOST
    assert "not by Tunelet" in str(outcome.reason)


def test_a_training_that_is_killed_just_before_its_shim_is_lost(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    reported(launcher, ("sh", "-c", "echo objective=1; exec sleep 1000"))
    shim = shim_of(tmp_path)
    shim.children()[0].kill()
    time.sleep(0.05)
    shim.kill()
    assert ended(launcher).verdict is Verdict.LOST


def test_a_training_that_alone_is_killed_fails(launcher: ProcessLauncher, tmp_path: Path) -> None:
    reported(launcher, ("sh", "-c", "echo objective=1; exec sleep 1000"))
    shim_of(tmp_path).children()[0].kill()
    outcome = ended(launcher)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 137)


def test_a_training_that_sees_the_stop_file_and_exits_is_not_judged(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    wait = 'echo objective=1; until [ -e "$TUNELET_STOP_FILE" ]; do sleep 0.02; done'
    reported(launcher, ("sh", "-c", wait))
    # As if the launcher died between making the file and sending the signal.
    (folder_of(tmp_path) / "stop").touch()
    outcome = ended(launcher)
    assert (outcome.verdict, outcome.reason) == (Verdict.LOST, "stopped")
