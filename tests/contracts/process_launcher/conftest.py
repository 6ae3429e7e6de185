"""A process launcher, of which no process is left after a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.launchers.local.launcher import ProcessLauncher
from tests.contracts.launchers import RUN, ended
from tests.contracts.process_launcher.launched import launcher_at
from tests.guard import end_all


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
