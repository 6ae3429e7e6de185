"""Throughput by the number of writers: operations per second on one experiment.

A writer is an instance of a function: it has its own journal and store, and shares only the bucket
with the others. Its operation is one report of its own running trial, committed by
`Journal.commit`; it begins the next as soon as that has returned. The store is a folder in TMPDIR
with 60 ms more for every request, like a bucket.

The writers are threads of two processes. Each folds the whole log, so with many of them this
machine's processors, shown as `cpu`, are a limit that 64 instances on 64 machines would not have.

Each measurement ends with a check of the log by another reader: the benchmark fails if an
acknowledged report is missing, or is there twice.
"""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from adapters.storage import open_store
from benchmarks.harness.delay import SECONDS, DelayedStore
from benchmarks.harness.figures import Figures, percentile
from benchmarks.harness.running import NAME, NAMESPACE, UID, prepare, standing
from benchmarks.harness.table import show
from tunelet.core.commands import Record
from tunelet.core.trial import Report
from tunelet.errors import Retry
from tunelet.log.journal import Journal
from tunelet.ports import Store

NUMBERS = (1, 2, 4, 8, 16, 32, 64)
PROCESSES = 2
COLUMNS = (
    *("writers", "ops/s", "p50 s", "p99 s", "longest s", "slowest's share", "sent again"),
    *("acknowledged", "entries", "cpu"),
)


class Span(NamedTuple):
    """The measured span, in seconds of the wall clock. All writers write before and after it."""

    begin: float
    end: float


class Written(NamedTuple):
    """The work of one writer."""

    trial: int
    acknowledged: int
    """The number of acknowledged reports, with steps from 0 on."""
    seconds: tuple[float, ...]
    """The time of each operation that ended in the span."""
    refused: int
    """How often a `Retry` asked for the same operation again, in the span."""


class Measured(NamedTuple):
    writers: tuple[Written, ...]
    cpu: float
    """The processors in use, on average."""
    entries: int

    def rate(self, seconds: float) -> float:
        return sum(len(writer.seconds) for writer in self.writers) / seconds


def run(quick: bool) -> Figures:
    warm, seconds = (1.0, 3.0) if quick else (4.0, 16.0)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        found = {n: measure(pool, n, warm, seconds, SECONDS) for n in NUMBERS}
    show(
        f"Operations a second on a store {SECONDS * 1000:.0f} ms away, {seconds:.0f} s each",
        COLUMNS,
        [_row(n, measured, seconds) for n, measured in found.items()],
    )
    print("slowest's share: its operations, of the average writer's\n")
    return {str(n): measured.rate(seconds) for n, measured in found.items()}


def _row(number: int, measured: Measured, seconds: float) -> list[str]:
    each = [s for writer in measured.writers for s in writer.seconds]
    slowest = min(len(writer.seconds) for writer in measured.writers)
    return [
        str(number),
        f"{measured.rate(seconds):.1f}",
        f"{percentile(each, 0.5):.2f}",
        f"{percentile(each, 0.99):.2f}",
        f"{max(each, default=0.0):.2f}",
        f"{slowest * number / max(1, len(each)):.2f}",
        str(sum(writer.refused for writer in measured.writers)),
        str(sum(writer.acknowledged for writer in measured.writers)),
        str(measured.entries),
        f"{measured.cpu:.2f}",
    ]


def measure(pool: Executor, number: int, warm: float, seconds: float, delay: float) -> Measured:
    """Let `number` writers write for `seconds`, after `warm` seconds of warm-up."""
    with tempfile.TemporaryDirectory() as name:
        url = Path(name).resolve().as_uri()
        prepare(open_store(url), number)
        # A spawned process first has to import all this.
        list(pool.map(_imported, range(PROCESSES)))
        begin = time.time() + warm
        groups = [list(range(number))[i::PROCESSES] for i in range(min(PROCESSES, number))]
        work = partial(_group, url, delay, Span(begin, begin + seconds))
        done = list(pool.map(work, groups))
        writers = tuple(writer for group, _ in done for writer in group)
        entries = check(open_store(url), {w.trial: w.acknowledged for w in writers})
    return Measured(writers, sum(cpu for _, cpu in done) / (warm + seconds), entries)


def _imported(_: int) -> None:
    time.sleep(0.1)  # so that no process gets both calls


def _group(
    url: str, delay: float, span: Span, trials: Sequence[int]
) -> tuple[list[Written], float]:
    before = os.times()
    with ThreadPoolExecutor(len(trials)) as threads:
        writers = list(threads.map(partial(_write, url, delay, span), trials))
    after = os.times()
    return writers, after.user + after.system - before.user - before.system


def _write(url: str, delay: float, span: Span, trial: int) -> Written:
    journal = Journal(DelayedStore(open_store(url), delay), NAMESPACE, NAME)
    seconds: list[float] = []
    refused = step = 0
    while (began := time.time()) < span.end:
        while not _recorded(journal, Record(trial, 1, (Report(step, {"loss": 1 / (step + 1)}),))):
            refused += time.time() >= span.begin
        step += 1
        if span.begin <= (now := time.time()) < span.end:
            seconds.append(now - began)
    return Written(trial, step, tuple(seconds), refused)


def _recorded(journal: Journal, record: Record) -> bool:
    try:
        journal.commit(record, uid=UID)
    except Retry:
        return False
    return True


def check(store: Store, acknowledged: dict[int, int]) -> int:
    """Exit unless the log has each acknowledged report once. Returns the number of entries."""
    log = standing(store, NAMESPACE, NAME)
    expected = {(trial, step) for trial, steps in acknowledged.items() for step in range(steps)}
    if lost := expected - log.reports.keys():
        sys.exit(f"{len(lost)} acknowledged reports are lost")
    if log.twice:
        sys.exit(f"{len(log.twice)} reports stand twice")
    return log.entries
