"""Process launchers, and the folders and processes of the runs that they launch."""

from pathlib import Path

import psutil

from adapters.launchers.local.launcher import ProcessLauncher
from tests.contracts.launchers import IMAGE, RUN, until
from tunelet.core.run import Run

REPOSITORY = Path(__file__).parents[3]
SHIM = str(REPOSITORY / "adapters" / "launchers" / "local" / "shim.py")


def launcher_at(folder: Path, limit: int = 8, grace: float = 0.3) -> ProcessLauncher:
    return ProcessLauncher(folder, {IMAGE: ["sh"]}, limit, grace=grace)


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
