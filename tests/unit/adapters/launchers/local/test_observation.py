"""A local run that ends at the moment of an observation."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from adapters.launchers.local.folder import End, Plan, RunFolder
from adapters.launchers.local.observation import Reading
from tests.contracts.launchers import RUN, STDOUT
from tunelet.core.run import Observation, Phase
from tunelet.core.trial import Verdict


class Ending(RunFolder):
    """Its run ends just after the first thing that is asked of it."""

    ends: Callable[[], None] | None = None

    def held(self) -> bool:
        answer = super().held()
        self._end()
        return answer

    def end(self) -> End | None:
        answer = super().end()
        self._end()
        return answer

    def _end(self) -> None:
        if self.ends is not None:
            ends, self.ends = self.ends, None
            ends()


@pytest.fixture
def folder(tmp_path: Path) -> Ending:
    (tmp_path / "tmp").mkdir()
    folder = Ending(tmp_path / "run")
    plan = Plan(RUN, argv=("true",), env={}, metrics=STDOUT, timeout=None, grace=1)
    lock = folder.create(plan, tmp_path / "tmp")
    assert lock is not None
    os.pwrite(lock, b"1", 0)
    folder.output.write_text("objective=1\n")

    def ends() -> None:
        end = End(exit_code=0, stopped=False, timed_out=False, ended_at=0.0)
        (folder.path / "exit.json").write_bytes(msgspec.json.encode(end))
        os.close(lock)

    folder.ends = ends
    return folder


def test_a_run_that_ends_during_a_look_is_not_lost(folder: Ending) -> None:
    reading = Reading(folder)
    seen: Observation = reading.observe()
    if seen.phase is Phase.ACTIVE:
        seen = reading.observe()
    assert seen.outcome is not None
    assert seen.outcome.verdict is Verdict.COMPLETE
    assert seen.outcome.values == {"objective": 1.0}


def test_a_run_that_has_ended_was_launched(folder: Ending) -> None:
    assert folder.launched()
    assert not folder.held()
    assert folder.launched()


def test_a_stop_of_a_run_that_ends_signals_no_later_process_with_its_shims_id(
    folder: Ending,
) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as later:
        (folder.path / "lock").write_text(str(later.pid))
        folder.stop()
    assert later.returncode == 0
