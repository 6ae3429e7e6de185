"""The process launcher drops the output of a run from memory once the run has ended."""

import gc
import tracemalloc
from pathlib import Path

from adapters.launchers.local.launcher import ProcessLauncher
from tests.contracts.launchers import IMAGE, RUN, ended, script, until, values
from tunelet.core.run import Run
from tunelet.core.trial import Verdict

STEPS = 2000
PRINTS = f'awk "BEGIN {{ for (i = 0; i < {STEPS}; i++) print \\"step=\\" i \\" objective=1\\" }}"'
MUCH = 100 * STEPS
"""Bytes: less than what the steps of one trial take."""


def _kept() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _seen_to_its_end(launcher: ProcessLauncher, run: Run) -> None:
    launcher.launch(script(PRINTS, run))
    assert ended(launcher, run).verdict is Verdict.COMPLETE


def test_nothing_stays_of_runs_that_were_seen_to_end(tmp_path: Path) -> None:
    launcher = ProcessLauncher(tmp_path, {IMAGE: ["sh"]}, limit=4)
    tracemalloc.start()
    try:
        _seen_to_its_end(launcher, RUN)
        before = _kept()
        for number in range(1, 4):
            _seen_to_its_end(launcher, RUN._replace(number=number))
        assert _kept() - before < MUCH
    finally:
        tracemalloc.stop()
    assert len(values(launcher.observe(RUN))) == STEPS


def test_nothing_stays_of_runs_that_were_stopped(tmp_path: Path) -> None:
    launcher = ProcessLauncher(tmp_path, {IMAGE: ["sh"]}, limit=4)
    tracemalloc.start()
    try:
        before = _kept()
        launcher.launch(script(f"{PRINTS}; sleep 100"))
        until(lambda: len(launcher.observe(RUN).reports) == STEPS)
        assert _kept() - before > MUCH
        launcher.stop(RUN)
        assert _kept() - before < MUCH
    finally:
        tracemalloc.stop()
