"""An experiment with only running trials, and the reports in its log."""

from collections import Counter
from typing import NamedTuple

from algorithms import load_catalog
from benchmarks.harness.inline import request
from tunelet.core.commands import AddTrials, Start, Submit
from tunelet.core.events import Reported
from tunelet.core.trial import Assignment
from tunelet.log.compaction import Head
from tunelet.log.journal import Journal
from tunelet.log.reader import heads
from tunelet.ports import Store
from tunelet.request.spec import parse

NAMESPACE, NAME, UID = "default", "running", "0" * 16


def prepare(store: Store, trials: int) -> None:
    """Begin the experiment, with `trials` running trials."""
    spec = parse(
        request("random_search", trials, trials) | {"name": NAME}, load_catalog(), NAMESPACE
    )
    journal = Journal(store, NAMESPACE, NAME)
    drawn: Assignment = {"learning_rate": 0.05, "batch_size": 64}
    journal.commit(Submit(UID, spec), AddTrials(0, (drawn,) * trials))
    journal.commit(*(Start(trial, 1) for trial in range(trials)))


class Standing(NamedTuple):
    """The contents of a log, from its first entry to its last."""

    entries: int
    reports: Counter[tuple[int, int]]
    """How often the log has each report, by trial and step."""

    @property
    def twice(self) -> list[tuple[int, int]]:
        return [each for each, times in self.reports.items() if times > 1]


def standing(store: Store, namespace: str, name: str) -> Standing:
    """Read and check every entry of the chain, without snapshots."""
    entries, reports = 0, Counter[tuple[int, int]]()
    for step in heads(store, f"v1/{namespace}/{name}/", Head()):
        entries += 1
        for event in step.entry.events:
            if isinstance(event, Reported):
                reports.update((event.number, report.step) for report in event.reports)
    return Standing(entries, reports)
