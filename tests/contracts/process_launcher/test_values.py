"""The process launcher with real processes: output, values, and the news of them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from msgspec.structs import replace

from adapters.launchers.local.folder import RunFolder
from adapters.launchers.local.launcher import ProcessLauncher
from adapters.launchers.local.shim_output import HEAD_BYTES, TAIL_BYTES
from tests.contracts.launchers import RUN, STDOUT, ended, script, until
from tests.contracts.process_launcher.launched import SHIM, folder_of, launcher_at, shim_of
from tunelet.core.run import Observation, Phase
from tunelet.core.trial import Verdict
from tunelet.errors import Retry

TFEVENTS = Path(__file__).parents[2] / "unit/tunelet/training/tfevents" / "tensorboardx.tfevents"


def no_room(namespace: str, experiment: str) -> None:
    raise AssertionError("no experiment waits for room")


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


def test_news_is_reported_when_output_grows_and_when_the_run_ends(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    heard: list[Observation] = []
    # The watching launcher is not the one that launches.
    stop = launcher_at(tmp_path).watch(lambda *_: heard.append(launcher.observe(RUN)), no_room)
    launcher.launch(
        script(f"echo loss=1; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo objective=1")
    )
    until(lambda: any(seen.reports and seen.phase is Phase.ACTIVE for seen in heard))
    (tmp_path / "go").touch()
    until(lambda: any(seen.phase is Phase.ENDED for seen in heard))
    stop()


def test_news_that_could_not_be_passed_on_is_reported_again(
    launcher: ProcessLauncher, tmp_path: Path
) -> None:
    heard: list[tuple[str, str, int | None]] = []

    def fail_twice(*whose: Any) -> None:
        heard.append(whose)
        if len(heard) < 3:
            raise Retry("not now")

    stop = launcher.watch(fail_twice, no_room)
    launcher.launch(script("exit 0"))
    until(lambda: len(heard) >= 3)
    stop()
    assert set(heard) == {("default", "digits", None)}


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
