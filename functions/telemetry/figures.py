"""Counts and durations of this process, kept without a library.

prometheus_client writes the page of them (functions.telemetry.metrics), and is imported when the
page is first asked for: its import takes a tenth of the time in which a function starts.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Labels = tuple[str, ...]


class Series(NamedTuple):
    """The observations with the same values of the labels."""

    counts: list[int]
    """How many are at most each bound and above the one before; the last have no bound."""
    created: float
    """When the first one came, in seconds since 1970."""
    total: float


class Durations:
    """A histogram: how many seconds requests take, by labels. Threads may share one.

    `bounds` are the upper limits of its buckets, in seconds and in ascending order.
    """

    def __init__(self, name: str, summary: str, labels: Labels, bounds: tuple[float, ...]) -> None:
        self.name, self.summary, self.labels, self.bounds = name, summary, labels, bounds
        self._lock = threading.Lock()
        self._series: dict[Labels, Series] = {}

    def observe(self, values: Labels, seconds: float) -> None:
        """Count one that took `seconds`; `values` are those of `labels`, in their order."""
        with self._lock:
            before = self._series.get(values)
            if before is None:
                before = Series([0] * (len(self.bounds) + 1), time.time(), 0.0)
            before.counts[bisect_left(self.bounds, seconds)] += 1
            self._series[values] = before._replace(total=before.total + seconds)

    def series(self) -> Iterator[tuple[Labels, Series]]:
        """Yield the series as of one moment, by the values of the labels."""
        with self._lock:
            now = [(v, s._replace(counts=[*s.counts])) for v, s in self._series.items()]
        yield from now


class Gauge(NamedTuple):
    """A gauge as of one moment."""

    name: str
    summary: str
    label: str
    """The label that tells its samples apart; empty if there is one sample."""
    samples: Mapping[str, float]
    """By the label's values; by "" without a label."""


class Level:
    """A gauge: a number that goes up and down."""

    def __init__(self, name: str, summary: str) -> None:
        self.name, self.summary = name, summary
        self.value = 0
