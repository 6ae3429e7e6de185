"""Cold load: a fresh process opens an experiment and reads all its trials with their reports.

The real journal writes the log as in normal operation: 64 trials at a time, each with 10 reports of
one metric; the simultaneous reports of 64 trials share an entry. That takes minutes, so the folder
stays in TMPDIR for the next run, with a name that changes with the code. A load is timed from the
opening of the journal to the last trial, without imports (see coldstart), and with the files in the
page cache. The memory is the process's peak (Linux's VmHWM), next to its peak after the imports.

Optuna loads a study of a hundredth of the size from its journal file, which its own ask, report and
tell have written. It reads and applies that file from the beginning, so `x 100` is linear.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.figures import Figures
from benchmarks.harness.reading import NAME, NAMESPACE, Found
from benchmarks.harness.table import show

TRIALS = 100_000
REPORTS = 10
TOGETHER = 64
ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("", "trials", "seconds", "objects read", "peak MiB", "before MiB")


def run(quick: bool) -> Figures:
    trials, rounds = (TRIALS // 20, 1) if quick else (TRIALS, 3)
    sizes = [trials // 100, trials // 10, trials]
    ours = {
        n: load("tunelet", written(kept() / f"log-{n}", n, write).as_uri(), rounds) for n in sizes
    }
    study = written(kept() / f"study-{sizes[0]}", sizes[0], write_study)
    theirs = load("optuna", f"{study}/journal", rounds)
    show(
        f"Cold load of trials with {REPORTS} reports each (best of {rounds})",
        COLUMNS,
        [
            *(_row("tunelet", found) for found in ours.values()),
            _row("optuna", theirs),
            ["optuna, extrapolated", str(trials), f"{theirs.seconds * 100:.1f}", "", "", ""],
        ],
    )
    found = ours[trials]
    return {
        "trials": found.trials,
        "seconds": found.seconds,
        "objects_read": found.objects_read,
        "peak_rss_mib": found.peak_rss_mib,
    }


def _row(name: str, found: Found) -> list[str]:
    memory = (f"{found.peak_rss_mib:.0f}", f"{found.before_mib:.0f}")
    return [name, str(found.trials), f"{found.seconds:.3f}", str(found.objects_read), *memory]


def load(reader: str, place: str, rounds: int) -> Found:
    """The fastest of `rounds` fresh processes."""
    command = [sys.executable, "-m", "benchmarks.harness.reading", reader, place]
    found = [
        Found(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
        for _ in range(rounds)
    ]
    return min(found, key=lambda each: each.seconds)


def written(folder: Path, trials: int, writes: Callable[[Path, int], None]) -> Path:
    """The folder with this number of trials, which is written if it is absent."""
    if not folder.exists():
        began = time.perf_counter()
        new = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        writes(new, trials)
        new.rename(folder)
        print(f"{folder.name} was written in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return folder


def kept() -> Path:
    """The folder that keeps logs for the next run."""
    return Path(tempfile.gettempdir()).resolve() / f"tunelet-load-{_version()}"


def _version() -> str:
    """A text that changes with the code that writes the log."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources())).hexdigest()[:12]


def sources() -> list[Path]:
    """The files of the code that determines the contents of a kept log."""
    return [*sorted((ROOT / "tunelet").rglob("*.py")), Path(__file__)]


def write(folder: Path, trials: int) -> None:
    """Write a log of `trials` ended trials, through the journal."""
    from adapters.storage import open_store
    from algorithms import load_catalog
    from benchmarks.harness.inline import request
    from tunelet.core.commands import AddTrials, Finish, Record, Start, Submit
    from tunelet.core.trial import Assignment, Outcome, Report, Verdict
    from tunelet.log.journal import Journal
    from tunelet.request.spec import parse

    def drawn(number: int) -> Assignment:
        return {"learning_rate": 0.01 + 0.09 * number / trials, "batch_size": 32 + number % 97}

    def loss(number: int, step: int) -> float:
        return 1 / (1 + step) + number / trials

    # One trial more than is written, so that the experiment does not end.
    spec = parse(request("random_search", trials + 1, TOGETHER) | {"name": NAME}, load_catalog())
    journal = Journal(open_store(folder.as_uri()), NAMESPACE, NAME)
    journal.commit(Submit("0" * 16, spec))
    for first in range(0, trials, TOGETHER):
        numbers = range(first, min(first + TOGETHER, trials))
        added = AddTrials(first, tuple(drawn(n) for n in numbers))
        journal.commit(added, *(Start(n, 1) for n in numbers))
        for step in range(REPORTS):
            told = {n: Report(step, {"loss": loss(n, step)}) for n in numbers}
            journal.commit(*(Record(n, 1, (report,)) for n, report in told.items()))
        ends = {n: Outcome(Verdict.COMPLETE, {"objective": loss(n, REPORTS)}) for n in numbers}
        journal.commit(*(Finish(n, 1, end) for n, end in ends.items()))


def write_study(folder: Path, trials: int) -> None:
    """Write a study of `trials` ended trials, as Optuna's users do."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=NAME,
        storage=JournalStorage(JournalFileBackend(str(folder / "journal"))),
        sampler=optuna.samplers.RandomSampler(seed=1),
    )
    for _ in range(trials):
        trial = study.ask()
        trial.suggest_float("learning_rate", 0.01, 0.1)
        trial.suggest_int("batch_size", 32, 128)
        for step in range(REPORTS):
            trial.report(1 / (1 + step), step)
        study.tell(trial, 0.0)
