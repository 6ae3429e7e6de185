"""Reads the output of one container in several looks; each continues where the last one ended.

Kubernetes keeps only the end of the output (10 MiB, unless the kubelet is configured otherwise).
Looks read the output while it grows, so they may see more than is kept. If lines were lost between
two looks, earlier values do not count, because a newer one may be missing.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from threading import Lock

from adapters.output.log_timestamps import Stamped
from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number, Report
from tunelet.errors import Retry
from tunelet.training import outcome
from tunelet.training.metrics import Parser

LOOK_BYTES = 1 << 20
"""The most new output that one look at an active run reads, so that it does not delay others."""
KEPT = 32
"""The number of runs with a reading in memory; for others the next look begins at the start."""

Log = Callable[..., Generator[bytes]]
"""Opens the log of the container, with parameters of the Kubernetes API."""


class Reading:
    def __init__(self, metrics: MetricsSource) -> None:
        self._metrics = metrics
        self._parser = Parser(metrics)
        self._stamped: Stamped | Plain = Stamped()
        self._end = b""

    @property
    def gap(self) -> bool:
        """Whether the cluster dropped lines before they were read."""
        return self._stamped.gaps > 0

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports; empty after a gap, because the count of the steps is then unknown."""
        return () if self.gap else self._parser.reports

    @property
    def values(self) -> dict[str, Number]:
        """The newest value of each metric since the last gap."""
        return dict(self._parser.values)

    @property
    def remarks(self) -> str:
        """Remarks for the reason of the outcome (`Parser.remarks`)."""
        return self._parser.remarks()

    @property
    def first(self) -> str | None:
        """The timestamp of the first line that was read; None if none was."""
        return self._stamped.first

    @property
    def tail(self) -> str:
        return outcome.tail(self._end)

    def look(self, log: Log) -> None:
        """Read the next part of the new output."""
        self._read(log, LOOK_BYTES)

    def finish(self, log: Log) -> None:
        """Read the rest, once the container has ended.

        Raises `NotFound` if the log is gone, and `Retry` if the rest is incomplete: if the
        connection to the node breaks, the Kubernetes API ends its answer as if the log ended there.
        """
        self._read(log, None)
        last = b"".join(log(timestamps="true", tailLines="1"))
        if not self._stamped.ends_with(last):
            raise Retry("the log broke off before its end")
        self._parser.close()

    def _read(self, log: Log, limit: int | None) -> None:
        if isinstance(self._stamped, Plain):
            self._stamped, self._parser, self._end = Plain(), Parser(self._metrics), b""
        since = self._stamped.since
        self._stamped.connect()
        size = 0
        with closing(log(timestamps="true", **({"sinceTime": since} if since else {}))) as chunks:
            for chunk in chunks:
                size += self._take(chunk)
                if limit is not None and size >= limit:
                    return
        self._take(None)

    def _take(self, chunk: bytes | None) -> int:
        """Add a piece of the log, or its end (None). Returns the number of new bytes."""
        gaps = self._stamped.gaps
        try:
            new = self._stamped.strip(chunk) if chunk is not None else self._stamped.finish()
        except ValueError as fault:
            if self._stamped.first is not None:
                raise Retry(f"the log broke off: {fault}") from fault
            self._stamped = Plain()
            new = self._stamped.strip(chunk or fault.args[1])
        if self._stamped.gaps > gaps:
            self._parser = Parser(self._metrics)
        self._parser.feed(new)
        self._end = (self._end + new)[-outcome.TAIL_SOURCE_BYTES :]
        return len(new)


class Plain:
    """A log without timestamps, as some virtual nodes have: each look begins at its start."""

    since = first = None
    gaps = 0

    def __init__(self) -> None:
        self._last = b""

    def connect(self) -> None:
        """Do nothing: the log is read from its start."""

    def strip(self, data: bytes) -> bytes:
        self._last = (self._last + data)[-(1 << 15) :]
        return data

    def finish(self) -> bytes:
        return b""

    def ends_with(self, last: bytes) -> bool:
        return self._last.rstrip().endswith(last[-(1 << 14) :].rstrip())


class Readings:
    """The readings of active runs, by the pod's uid. The least recently used ones are dropped."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._kept = BoundedCache[str, Reading](count=KEPT)

    def take(self, uid: str, metrics: MetricsSource) -> Reading:
        """Take the pod's reading, so that no other thread gets it; a new one if there is none."""
        with self._turn:
            return self._kept.take(uid) or Reading(metrics)

    def keep(self, uid: str, reading: Reading) -> None:
        """Keep the reading for the next look."""
        with self._turn:
            self._kept.put(uid, reading)
