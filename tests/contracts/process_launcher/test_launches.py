"""The process launcher with real processes: runs start once, in places and folders."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest

from adapters.launchers import open_launcher
from adapters.launchers.local.folder import Plan, RunFolder
from adapters.launchers.local.launcher import ProcessLauncher
from adapters.storage.files import FileStore
from tests.contracts.launchers import IMAGE, RUN, LauncherContract, ended, script, until
from tests.contracts.process_launcher.launched import REPOSITORY, folder_of, launcher_at
from tests.contracts.stores import at_once
from tunelet.core.run import Launch, Phase, Run
from tunelet.core.trial import Verdict
from tunelet.errors import Reject, Retry, Unavailable
from tunelet.log.identity import Identity


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


def test_room_is_announced_to_a_waiting_experiment(tmp_path: Path) -> None:
    launcher = launcher_at(tmp_path, limit=1)
    announced: list[tuple[str, str]] = []
    stop = launcher.watch(lambda *_: None, lambda *who: announced.append(who))
    launcher.launch(script("exec sleep 1000"))
    other = RUN._replace(experiment="other")
    assert not launched(launcher, script("exit 0", other))
    launcher.stop(RUN)
    ended(launcher)
    until(lambda: announced)
    assert not launched(launcher, script("exit 0", RUN._replace(number=1)))
    assert launched(launcher, script("exit 0", other))
    ended(launcher, other)
    stop()
    assert announced[0] == ("default", "other")


def test_names_cannot_lead_out_of_the_folder(launcher: ProcessLauncher) -> None:
    with pytest.raises(Reject):
        launcher.observe(RUN._replace(experiment="../.."))


def test_the_launcher_is_chosen_by_url(tmp_path: Path) -> None:
    opened = open_launcher(f"process://{tmp_path}/x", aliases={IMAGE: ["sh"]}, limit=1)
    opened.launch(script("echo objective=1"))
    assert ended(opened).verdict is Verdict.COMPLETE
    with pytest.raises(Reject, match="process://"):
        open_launcher("ftp://x")


def test_trainings_at_the_same_time_have_different_slots(tmp_path: Path) -> None:
    """With uneven durations, as of trials that a rule ends early."""
    launcher = launcher_at(tmp_path, limit=2)
    runs = [RUN._replace(number=number) for number in range(4)]

    def begin(run: Run) -> None:
        waiting = f'echo "slot=$TUNELET_SLOT objective=1"; until [ -e {tmp_path}/end{run.number} ]'
        launcher.launch(script(f"{waiting}; do sleep 0.02; done", run))

    def slot_of(run: Run) -> bytes:
        return until(lambda: b"".join(launcher.logs(run)).split())[0]

    def end(run: Run) -> None:
        (tmp_path / f"end{run.number}").touch()
        ended(launcher, run)
        until(lambda: not RunFolder(folder_of(tmp_path, run)).held())

    begin(runs[0])
    begin(runs[1])
    assert [slot_of(run) for run in runs[:2]] == [b"slot=0", b"slot=1"]
    end(runs[1])
    begin(runs[2])
    assert slot_of(runs[2]) == b"slot=1"
    end(runs[0])
    begin(runs[3])
    assert slot_of(runs[3]) == b"slot=0"
    for run in runs[2:]:
        end(run)
