"""The process launcher with real processes: its promises if processes are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from msgspec.structs import replace

from adapters.launchers import open_launcher
from adapters.launchers.local.folder import Plan, RunFolder
from adapters.launchers.local.launcher import ProcessLauncher
from adapters.launchers.local.shim_output import HEAD_BYTES, TAIL_BYTES
from adapters.storage.files import FileStore
from tests.contracts.launchers import (
    IMAGE,
    RUN,
    STDOUT,
    LauncherContract,
    ended,
    script,
    until,
)
from tests.contracts.stores import at_once
from tests.guard import end_all
from tunelet.core.run import Launch, Observation, Phase, Run
from tunelet.core.trial import Verdict
from tunelet.errors import Reject, Retry, Unavailable
from tunelet.log.identity import Identity

TFEVENTS = Path(__file__).parents[1] / "unit/tunelet/training/tfevents" / "tensorboardx.tfevents"

REPOSITORY = Path(__file__).parents[2]
SHIM = str(REPOSITORY / "adapters" / "launchers" / "local" / "shim.py")


def launcher_at(folder: Path, limit: int = 8, grace: float = 0.3) -> ProcessLauncher:
    return ProcessLauncher(folder, {IMAGE: ["sh"]}, limit, grace=grace)


@pytest.fixture(autouse=True)
def nothing_is_left_running(tmp_path: Path) -> Iterator[None]:
    yield
    end_all(tmp_path)


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[ProcessLauncher]:
    launcher = launcher_at(tmp_path)
    yield launcher
    for run in launcher.active(RUN.namespace, RUN.experiment):
        launcher.stop(run)
        ended(launcher, run)


def folder_of(tmp_path: Path, run: Run = RUN) -> Path:
    parts = (run.namespace, run.experiment, run.uid, str(run.number), str(run.attempt))
    return tmp_path.joinpath("runs", *parts)


def shim_of(tmp_path: Path, run: Run = RUN) -> psutil.Process:
    return psutil.Process(pid_in(folder_of(tmp_path, run) / "lock"))


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def pid_in(path: Path) -> int:
    """The process id in a file, once it is written."""
    return until(lambda: int(path.read_text() or 0) if path.exists() else None)


class TestProcessLauncher(LauncherContract):
    @pytest.fixture
    def launcher(self, launcher: ProcessLauncher) -> ProcessLauncher:
        return launcher


def child(folder: Path, launch: Launch, then: str) -> "subprocess.Popen[bytes]":
    """Another process that launches the same, and then does something."""
    program = f"""
import msgspec, os, signal, sys
from pathlib import Path
from adapters.launchers.local.launcher import ProcessLauncher
from tunelet.ports import Launch
launcher = ProcessLauncher(Path(sys.argv[1]), {{{IMAGE!r}: ["sh"]}}, 8)
launch = msgspec.json.decode(sys.stdin.buffer.read(), type=Launch)
launcher.launch(launch)
{then}
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, cwd=REPOSITORY
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(launch))
    process.stdin.close()
    return process


def test_racing_processes_start_it_once(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launch = script("echo started; sleep 0.5; echo objective=1")
    racers = [child(tmp_path, launch, "") for _ in range(4)]
    assert [racer.wait() for racer in racers] == [0] * 4
    assert ended(launcher).verdict is Verdict.COMPLETE
    assert b"".join(launcher.logs(RUN)) == b"started\nobjective=1\n"


def test_a_run_outlives_the_kill_of_the_service_and_is_adopted(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    launch = script(
        f"echo loss=1; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo objective=1"
    )
    service = child(tmp_path, launch, "os.kill(os.getpid(), signal.SIGKILL)")
    assert service.wait() == -signal.SIGKILL
    launcher.launch(launch)
    assert list(launcher.active("default", "digits")) == [RUN]
    until(lambda: launcher.observe(RUN).reports)
    (tmp_path / "go").touch()
    assert ended(launcher).verdict is Verdict.COMPLETE
    assert b"".join(launcher.logs(RUN)) == b"loss=1\nobjective=1\n"


def unbegun(tmp_path: Path, plan: Plan, run: Run) -> None:
    """Leave the folder of a service that was killed just before it started the shim."""
    lock = RunFolder(folder_of(tmp_path, run)).create(plan, tmp_path / "tmp")
    assert lock is not None
    os.close(lock)


def test_a_launch_that_comes_twice_needs_no_second_place(tmp_path: Path) -> None:
    launcher = launcher_at(tmp_path, limit=1)
    launch = script("exec sleep 1000")
    for _ in range(2):
        launcher.launch(launch)
    launcher.stop(RUN)
    ended(launcher)


def test_a_run_that_has_begun_is_not_discarded_by_a_launch_that_comes_late(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    """It may have looked at the folder just before the run began."""
    launcher.launch(script("exec sleep 1000"))
    RunFolder(folder_of(tmp_path)).discard_unbegun(tmp_path / "tmp")
    assert launcher.observe(RUN).phase is Phase.ACTIVE


def any_plan(launcher: ProcessLauncher, tmp_path: Path) -> Plan:
    other = RUN._replace(number=1000)
    launcher.launch(script("exit 0", other))
    return RunFolder(folder_of(tmp_path, other)).plan()


def test_a_service_killed_before_it_started_the_shim_has_launched_nothing(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    plan = any_plan(launcher, tmp_path)
    unbegun(tmp_path, plan, RUN)
    assert launcher.observe(RUN).phase is Phase.ABSENT
    launcher.launch(script("echo started; echo objective=1"))
    assert ended(launcher).verdict is Verdict.COMPLETE
    assert b"".join(launcher.logs(RUN)) == b"started\nobjective=1\n"


def test_a_launch_in_progress_counts_as_launched(launcher: ProcessLauncher, tmp_path: Path) -> None:
    plan = any_plan(launcher, tmp_path)
    lock = RunFolder(folder_of(tmp_path)).create(plan, tmp_path / "tmp")
    assert lock is not None
    launcher.launch(script("echo another"))
    assert launcher.observe(RUN).phase is Phase.ACTIVE
    os.close(lock)


def test_many_processes_launch_a_run_once_after_a_launch_that_died(tmp_path: Path) -> None:
    racers = [launcher_at(tmp_path) for _ in range(4)]
    plan = any_plan(racers[0], tmp_path)
    for number in range(40):
        run = RUN._replace(number=number)
        unbegun(tmp_path, plan, run)
        at_once(
            4, partial(launched_for_good, racers, script("echo started; echo objective=1", run))
        )
        assert ended(racers[0], run).verdict is Verdict.COMPLETE
        assert b"".join(racers[0].logs(run)) == b"started\nobjective=1\n"


def launched_for_good(racers: Sequence[ProcessLauncher], launch: Launch, which: int) -> None:
    """Launch it; where that returned, the run is seen from then on."""
    if launched(racers[which], launch):
        assert racers[which].observe(launch.run).phase is not Phase.ABSENT


def test_runs_in_a_folder_that_is_away_are_not_taken_for_lost(tmp_path: Path) -> None:
    """It is on a disk, say, that is not mounted for a moment."""
    here, away = tmp_path / "here", tmp_path / "away"
    launcher = launcher_at(here)
    launcher.launch(script("sleep 60"))
    for stays in (False, True):
        here.rename(away)
        if stays:
            here.mkdir()  # where it was mounted
        for ask in (
            lambda: launcher.observe(RUN),
            lambda: launcher.active(RUN.namespace, RUN.experiment),
            launcher.lives,
            lambda: launcher.logs(RUN),
            lambda: launcher.launch(script("true", RUN._replace(attempt=2))),
        ):
            with pytest.raises(Retry):
                ask()
        if stays:
            here.rmdir()  # nothing was written there
        away.rename(here)
        assert launcher.observe(RUN).phase is Phase.ACTIVE
        assert list(launcher.active(RUN.namespace, RUN.experiment)) == [RUN]


def test_a_second_launcher_sees_the_same(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launcher.launch(script("echo step=1 loss=3; echo step=2 loss=1; exec sleep 1000"))
    until(lambda: len(launcher.observe(RUN).reports) == 2)
    second = launcher_at(tmp_path)
    assert second.observe(RUN) == launcher.observe(RUN)
    second.stop(RUN)
    assert ended(launcher).reason == "stopped"
    assert second.observe(RUN) == launcher.observe(RUN)


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


def test_a_run_too_many_waits_for_a_place(launcher: ProcessLauncher, tmp_path: Path) -> None:
    small = launcher_at(tmp_path, limit=2)
    runs = [RUN._replace(number=n) for n in range(3)]
    for run in runs[:2]:
        small.launch(script("exec sleep 1000", run))
    for other in (small, launcher_at(tmp_path, limit=2)):
        with pytest.raises(Retry):
            other.launch(script("exit 0", runs[2]))
        assert other.observe(runs[2]).phase is Phase.ABSENT
    small.launch(script("exec sleep 1000", runs[0]))
    small.stop(runs[0])
    ended(small, runs[0])
    until(lambda: launched(small, script("exit 0", runs[2])))
    ended(small, runs[2])


def launched(launcher: ProcessLauncher, launch: Launch) -> bool:
    try:
        launcher.launch(launch)
    except Retry:
        return False
    return True


def test_a_lowered_limit_counts_active_runs(launcher: ProcessLauncher, tmp_path: Path) -> None:
    runs = [RUN._replace(number=n) for n in range(3)]
    for run in runs:
        launcher.launch(script("exec sleep 1000", run))
    launcher.stop(runs[0])
    ended(launcher, runs[0])
    until(lambda: len(launcher.active("default", "digits")) == 2)
    with pytest.raises(Retry):
        launcher_at(tmp_path, limit=2).launch(script("exit 0", RUN._replace(number=9)))


def test_secrets_of_the_service_stay_with_it(tmp_path: Path) -> None:
    launch = script("env > env.txt", env={"TUNELET_TRIAL": "0", "MINE": "1"})
    secrets = {"TUNELET_SECRET": "s3cret", "AWS_SECRET_ACCESS_KEY": "s3cret", "LANG": "C.UTF-8"}
    program = (
        "import sys, msgspec\nfrom pathlib import Path\n"
        "from adapters.launchers.local.launcher import ProcessLauncher\n"
        "from tunelet.core.run import Launch\n"
        "launch = msgspec.json.decode(sys.stdin.buffer.read(), type=Launch)\n"
        f"ProcessLauncher(Path(sys.argv[1]), {{{IMAGE!r}: ['sh']}}, 1).launch(launch)\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        input=msgspec.json.encode(launch),
        env=os.environ | secrets,
        cwd=REPOSITORY,
        check=True,
    )
    ended(launcher_at(tmp_path))
    seen = (folder_of(tmp_path) / "work" / "env.txt").read_text()
    assert "s3cret" not in seen
    assert "s3cret" not in (folder_of(tmp_path) / "launch.json").read_text()
    assert {"LANG=C.UTF-8", "TUNELET_TRIAL=0", "MINE=1"} <= set(seen.splitlines())


def test_the_checkpoint_folder_is_there_before_the_run(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    url = (tmp_path / "a b" / "7").as_uri()
    launcher.launch(script("exit 0", env={"TUNELET_CHECKPOINT_URL": url}))
    assert (tmp_path / "a b" / "7").is_dir()


@pytest.mark.parametrize("place", ["nothing", "an empty folder", "another store"])
def test_a_launch_makes_no_checkpoint_folder_where_its_store_is_not(
    launcher: ProcessLauncher, tmp_path: Path, place: str
) -> None:
    """The disk with the store is away: a saved file would be hidden once it is back."""
    root = tmp_path / "store"
    store = Identity(FileStore(root)).known("default")
    root.rename(tmp_path / "away")
    if place != "nothing":
        root.mkdir()
    if place == "another store":
        Identity(FileStore(root)).known("default")
    before = sorted(root.rglob("*"))
    env = {"TUNELET_CHECKPOINT_URL": (root / "v1" / "default" / "e" / "0").as_uri()}
    launch = script("echo objective=1", env=env, store=store)
    with pytest.raises(Unavailable, match=str(root)):
        launcher.launch(launch)
    assert launcher.observe(RUN).phase is Phase.ABSENT
    assert sorted(root.rglob("*")) == before
    if root.exists():
        shutil.rmtree(root)
    (tmp_path / "away").rename(root)
    launcher.launch(launch)
    assert ended(launcher).verdict is Verdict.COMPLETE
    assert (root / "v1" / "default" / "e" / "0").is_dir()


def test_a_checkpoint_folder_that_stayed_empty_goes_with_its_run(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    other = RUN._replace(number=1)
    top = tmp_path / "trials" / "u1"
    for run, text in ((RUN, "exit 0"), (other, f"touch {top}/1/epoch")):
        url = (top / str(run.number)).as_uri()
        launcher.launch(script(text, run, env={"TUNELET_CHECKPOINT_URL": url}))
        ended(launcher, run)
    until(lambda: not launcher.active("default", "digits"))
    launcher.remove("default", "digits", "u1")
    assert sorted(path.name for path in top.rglob("*")) == ["1", "epoch"]


def test_values_are_read_from_a_file_at_the_end(launcher: ProcessLauncher) -> None:
    metrics = replace(STDOUT, source="file", format="json", path="out/result.json")
    text = "echo objective=9; mkdir out; echo '{\"objective\": 0.5}' > out/result.json"
    launcher.launch(script(text, metrics=metrics))
    assert ended(launcher).values == {"objective": 0.5}
    without = RUN._replace(number=1)
    launcher.launch(script("mkdir out; mkfifo out/result.json", without, metrics=metrics))
    outcome = ended(launcher, without)
    assert outcome.verdict is Verdict.FAIL
    assert "the file out/result.json" in str(outcome.reason)


def test_values_are_read_from_event_files_as_they_grow(launcher: ProcessLauncher) -> None:
    metrics = replace(STDOUT, source="tensorboard", path="logs", objectives=("val/loss",))
    copy = f"mkdir -p logs/val; cp {TFEVENTS} logs/val/events.out.tfevents.1"
    launcher.launch(script(f"{copy}; sleep 3600", metrics=metrics))
    until(lambda: 4 in {each.step for each in launcher.observe(RUN).reports})
    launcher.stop(RUN)
    assert ended(launcher).verdict is Verdict.LOST
    other = RUN._replace(number=1)
    launcher.launch(script(copy, other, metrics=metrics))
    assert ended(launcher, other).values["val/loss"] == 0.25
    without = RUN._replace(number=2)
    launcher.launch(script("echo val/loss=1", without, metrics=metrics))
    assert "the event files in logs for scalars" in str(ended(launcher, without).reason)


def test_a_stopped_run_finds_the_stop_file(launcher: ProcessLauncher) -> None:
    told = "trap 'test -e \"$TUNELET_STOP_FILE\" && echo told; exit 1' TERM; echo up"
    launcher.launch(script(f"{told}; while :; do sleep 0.05; done"))
    until(lambda: b"up" in b"".join(launcher.logs(RUN)))
    launcher.stop(RUN)
    assert str(ended(launcher).log_tail).endswith("told")


def test_an_image_without_alias_is_refused_with_the_remedy(launcher: ProcessLauncher) -> None:
    with pytest.raises(Reject, match=r"'other/image:1'.*--alias.*podman"):
        launcher.launch(script("", code={"image": "other/image:1"}))
    with pytest.raises(Reject, match="manifest"):
        launcher.launch(script("", code={"manifest": {"kind": "Job"}}))


def test_an_alias_replaces_the_entrypoint(tmp_path: Path) -> None:
    launcher = ProcessLauncher(tmp_path, {IMAGE: ["printf", "%s\n"]}, 1)
    launcher.launch(script("", command=(), args=("objective=3", "a b")))
    assert ended(launcher).values == {"objective": 3.0}
    assert b"".join(launcher.logs(RUN)) == b"objective=3\na b\n"


def test_a_file_named_in_an_alias_is_found_from_the_runs_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.sh").write_text("echo objective=4\n")
    monkeypatch.chdir(tmp_path)
    launcher = ProcessLauncher(tmp_path / "data", {IMAGE: ["sh", "train.sh"]}, 1)
    launcher.launch(script("", command=()))
    assert ended(launcher).values == {"objective": 4.0}


def no_room(namespace: str, experiment: str) -> None:
    raise AssertionError("nobody waits")


def test_room_is_announced_to_a_waiting_experiment(tmp_path: Path) -> None:
    launcher = launcher_at(tmp_path, limit=1)
    told: list[tuple[str, str]] = []
    stop = launcher.watch(lambda *_: None, lambda *who: told.append(who))
    launcher.launch(script("exec sleep 1000"))
    other = RUN._replace(experiment="other")
    assert not launched(launcher, script("exit 0", other))
    launcher.stop(RUN)
    ended(launcher)
    until(lambda: told)
    assert not launched(launcher, script("exit 0", RUN._replace(number=1)))
    assert launched(launcher, script("exit 0", other))
    ended(launcher, other)
    stop()
    assert told[0] == ("default", "other")


def test_news_is_reported_when_output_grows_and_when_the_run_ends(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    told: list[Observation] = []
    # The watching launcher is not the one that launches.
    stop = launcher_at(tmp_path).watch(lambda *_: told.append(launcher.observe(RUN)), no_room)
    launcher.launch(
        script(f"echo loss=1; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo objective=1")
    )
    until(lambda: any(seen.reports and seen.phase is Phase.ACTIVE for seen in told))
    (tmp_path / "go").touch()
    until(lambda: any(seen.phase is Phase.ENDED for seen in told))
    stop()


def test_news_that_could_not_be_passed_on_is_reported_again(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    told: list[tuple[str, str, int | None]] = []

    def fail_twice(*whose: Any) -> None:
        told.append(whose)
        if len(told) < 3:
            raise Retry("not now")

    stop = launcher.watch(fail_twice, no_room)
    launcher.launch(script("exit 0"))
    until(lambda: len(told) >= 3)
    stop()
    assert set(told) == {("default", "digits", None)}


def test_names_cannot_lead_out_of_the_folder(launcher: ProcessLauncher) -> None:
    with pytest.raises(Reject):
        launcher.observe(RUN._replace(experiment="../.."))


def test_the_launcher_is_chosen_by_url(tmp_path: Path) -> None:
    opened = open_launcher(f"process://{tmp_path}/x", aliases={IMAGE: ["sh"]}, limit=1)
    opened.launch(script("echo objective=1"))
    assert ended(opened).verdict is Verdict.COMPLETE
    with pytest.raises(Reject, match="process://"):
        open_launcher("ftp://x")


def test_exit_json_has_the_documented_members(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launcher.launch(script("exit 4"))
    ended(launcher)
    end: dict[str, Any] = json.loads((folder_of(tmp_path) / "exit.json").read_text())
    assert end.pop("ended_at") > 0
    assert end == {"exit_code": 4, "stopped": False, "timed_out": False, "lost": False}


def test_output_without_end_holds_nothing_up_and_fills_no_disk(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    launcher.launch(script("exec yes"))
    output = folder_of(tmp_path) / "output.log"
    until(lambda: output.stat().st_size > HEAD_BYTES)
    assert launcher.observe(RUN).phase is Phase.ACTIVE
    launcher.stop(RUN)
    assert ended(launcher).reason == "stopped"
    assert output.stat().st_size < HEAD_BYTES + TAIL_BYTES + 1024


def test_a_run_is_heard_while_it_prints_however_much_it_has_printed(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    assert launcher.heard(RUN) is None
    turns = f"until [ -e {tmp_path}/$1 ]; do sleep 0.02; done; echo of turn $1"
    much = "yes | head -c 12000000"
    launcher.launch(script(f"turn() {{ {turns}; }}; turn 1; {much}; turn 2; turn 3"))
    assert launcher.heard(RUN) is not None
    output = folder_of(tmp_path) / "output.log"
    os.utime(output, (1.0, 1.0))
    (tmp_path / "1").touch()
    until(lambda: output.stat().st_size >= HEAD_BYTES and not _changes(output))
    os.utime(output, (1.0, 1.0))
    assert launcher.heard(RUN) == 1.0
    (tmp_path / "2").touch()
    until(lambda: (launcher.heard(RUN) or 0.0) > 1.0)
    (tmp_path / "3").touch()
    ended(launcher)


def _changes(path: Path) -> bool:
    before = path.stat().st_mtime_ns
    time.sleep(0.3)
    return path.stat().st_mtime_ns != before


def test_beginning_and_end_of_long_output_are_kept_with_a_note(
    launcher: ProcessLauncher,
) -> None:
    launcher.launch(
        script("echo first=1; yes chatter without a value | head -n 800000; echo objective=2")
    )
    outcome = ended(launcher)
    assert outcome.values == {"first": 1.0, "objective": 2.0}
    lines = b"".join(launcher.logs(RUN)).splitlines()
    notes = [index for index, line in enumerate(lines) if line.startswith(b"tunelet: ")]
    assert len(notes) == 2
    # Up to where it is cut, and from the next whole line on.
    assert set(lines[1 : notes[0] - 1]) == {b"chatter without a value"}
    assert set(lines[notes[1] + 1 : -1]) == {b"chatter without a value"}


MUCH = """
import os, sys
def write(data):
    while data:
        data = data[os.write(1, data):]
chatter = (b"some chatter of a training, which says nothing " * 20 + b"\\n") * 1000
begun = 0
def fill(size):
    global begun
    while begun < size:
        data = chatter[: size - begun]
        begun += len(data)
        write(data)
"""
"""The beginning of programs that print much: `fill` up to a size."""

IN_THE_MIDDLE = {
    "text": ({}, "objective=0.25 step=7"),
    "a pattern": ({"pattern": "(?P<name>objective) is (?P<value>[0-9.]+)"}, "objective is 0.25"),
    "JSON": ({"format": "json"}, '{"objective": 0.25}'),
}


@pytest.mark.parametrize("form", IN_THE_MIDDLE)
def test_a_value_in_the_middle_of_much_output_counts(
    launcher: ProcessLauncher, tmp_path: Path, form: str
) -> None:
    settings, line = IN_THE_MIDDLE[form]
    program = (
        f"{MUCH}\nfill(10 << 20); write(b'\\n' + {line!r}.encode() + b'\\n')\n"
        f"import time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)\n"
        "fill(12 << 20)"
    )
    command = (sys.executable, "-c", program)
    launcher.launch(script("", command=command, metrics=replace(STDOUT, **settings)))
    seen = until(lambda: launcher.observe(RUN).reports)
    assert seen[0].values == {"objective": 0.25}
    (tmp_path / "go").touch()
    outcome = ended(launcher)
    assert (outcome.verdict, outcome.values) == (Verdict.COMPLETE, {"objective": 0.25})
    assert launcher_at(tmp_path).observe(RUN) == launcher.observe(RUN)
    size = (folder_of(tmp_path) / "output.log").stat().st_size
    assert size < HEAD_BYTES + TAIL_BYTES + 1024


def test_a_line_across_the_end_of_the_kept_output_is_read_completely(
    launcher: ProcessLauncher,
) -> None:
    program = f"{MUCH}\nwrite(b'step=1 objective=9\\n'); begun = 19\n"
    program += f"fill({HEAD_BYTES} - 14); write(b'\\nobjective=0.2'); fill({HEAD_BYTES})\n"
    program = program.replace(f"fill({HEAD_BYTES})\n", "write(b'5\\n')")
    launcher.launch(script("", command=(sys.executable, "-c", program)))
    assert ended(launcher).values == {"objective": 0.25}
    assert [dict(each.values) for each in launcher.observe(RUN).reports] == [{"objective": 9.0}]


def test_much_output_that_cannot_be_read_makes_no_value(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    other = RUN._replace(number=7)
    program = f"{MUCH}\nwrite(b'objective=1\\n'); fill(9 << 20)"
    launcher.launch(script("", other, command=("true",)))
    plan = RunFolder(folder_of(tmp_path, other)).plan()
    plan = msgspec.structs.replace(
        plan, modules=(str(tmp_path),), argv=(sys.executable, "-c", program)
    )
    folder = RunFolder(folder_of(tmp_path))
    lock = folder.create(plan, tmp_path / "tmp")
    assert lock is not None
    with open(os.devnull, "rb") as slot:
        descriptors = (lock, slot.fileno())
        subprocess.run(
            [sys.executable, "-S", "-E", SHIM, str(folder.path), *map(str, descriptors)],
            pass_fds=descriptors,
            check=True,
        )
    os.close(lock)
    outcome = ended(launcher)
    assert (outcome.verdict, outcome.values) == (Verdict.LOST, {})
    assert "the output could not be read to its end: ModuleNotFoundError" in str(outcome.reason)


@pytest.mark.parametrize("form", ["objects a line", "a list"])
def test_a_file_of_any_size_is_read_to_its_end(launcher: ProcessLauncher, form: str) -> None:
    each = "json.dumps({'step': i, 'objective': 100000 - i, 'pad': 'x' * 400})"
    separate, begin, end = ("\n", "", "") if form == "objects a line" else (",", "[", "]")
    program = (
        "import json\nwith open('m.json', 'w') as f:\n"
        f"    f.write({begin!r} + {separate!r}.join({each} for i in range(1, 50001)) + {end!r})"
    )
    metrics = replace(STDOUT, source="file", path="m.json", format="json")
    launcher.launch(script("", command=(sys.executable, "-c", program), metrics=metrics))
    assert ended(launcher).values == {
        "objective": 50_000.0,
    }


def test_no_value_of_an_incomplete_file_counts(launcher: ProcessLauncher) -> None:
    metrics = replace(STDOUT, source="file", path="m.json", format="json")
    launcher.launch(script('echo \'[{"objective": 1}, {"obj\' > m.json', metrics=metrics))
    outcome = ended(launcher)
    assert (outcome.verdict, outcome.values) == (Verdict.FAIL, {})
    assert "m.json could not be read to its end" in str(outcome.reason)


def test_values_are_read_from_a_file_while_it_grows(launcher: ProcessLauncher) -> None:
    metrics = replace(STDOUT, source="file", path="m.txt")
    launcher.launch(script("echo objective=1 > m.txt; exec sleep 1000", metrics=metrics))
    assert until(lambda: launcher.observe(RUN).reports)[0].values == {"objective": 1.0}


def test_one_look_reads_a_part_of_much_output(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launcher.launch(script("exit 0", RUN._replace(number=1)))
    plan = RunFolder(folder_of(tmp_path, RUN._replace(number=1))).plan()
    lock = RunFolder(folder_of(tmp_path)).create(plan, tmp_path / "tmp")
    assert lock is not None
    filler = b"chatter\n" * (1 << 19)
    (folder_of(tmp_path) / "output.log").write_bytes(b"loss=1\n" + filler + b"loss=2\n")
    assert len(launcher.observe(RUN).reports) == 1
    until(lambda: len(launcher.observe(RUN).reports) == 2)
    os.close(lock)


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


@pytest.mark.skipif(sys.platform != "linux", reason="sets another process's limits")
def test_a_full_disk_is_waited_for(launcher: ProcessLauncher, tmp_path: Path) -> None:
    launcher.launch(
        script(f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo objective=1; touch done")
    )
    shim = shim_of(tmp_path)
    # Beyond this limit a write fails as on a full disk does.
    shim.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
    (tmp_path / "go").touch()
    until((folder_of(tmp_path) / "work" / "done").exists)
    shim.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    assert ended(launcher).values == {"objective": 1.0}


def test_a_link_in_the_place_of_the_file_of_metrics_is_not_followed(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    (tmp_path / "other.txt").write_text("objective=1\n")
    metrics = replace(STDOUT, source="file", path="result.txt")
    launcher.launch(script(f"ln -s {tmp_path}/other.txt result.txt", metrics=metrics))
    assert ended(launcher).verdict is Verdict.FAIL
