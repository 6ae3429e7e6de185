"""What is known of a run's values from the outside: its output, and its collector's last words."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from adapters.launchers import verdict
from adapters.launchers.manifest import COLLECTOR
from tunelet.metrics import Parser
from tunelet.trial import Number, Report, number, plain

LOOK_BYTES = 1 << 20
"""How much output one look at an active run reads: it must not hold up the others."""
END_BYTES = 16 << 20
"""More than the kubelet keeps of one container unless it is told to (10 MiB)."""
LAST_LINES = 1000
"""Of longer output these count as well, and no others."""


class Output(NamedTuple):
    reports: tuple[Report, ...] = ()
    values: Mapping[str, Number] = {}
    tail: str = ""


class Reader:
    """Feeds a parser and keeps the end of what it was given."""

    def __init__(self, metrics: Mapping[str, Any], parsed: bool) -> None:
        self._parser = Parser(metrics)
        self._parsed = parsed
        self._end = b""
        self.size = 0

    def feed(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            if self._parsed:
                self._parser.feed(chunk)
            self._end = (self._end + chunk)[-verdict.TAIL_SOURCE_BYTES :]
            self.size += len(chunk)

    def close(self) -> Output:
        """All that was found, the last line included."""
        self._parser.close()
        return self.output()

    def output(self) -> Output:
        tail = verdict.tail(self._end)
        return Output(self._parser.reports, dict(self._parser.values), tail)


def last_words(pod: Mapping[str, Any]) -> Output:
    """What the collector of the pod left in its termination message; nothing if it left none.

    {"values": {name: number}, "reports": [{"step": 1, "values": {…}}]}
    """
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        ends = ((status.get(state) or {}).get("terminated") for state in ("state", "lastState"))
        for end in ends if status["name"] == COLLECTOR else ():
            if end and (found := _read(str(end.get("message", "")))):
                return found
    return Output()


def _read(message: str) -> Output | None:
    try:
        found = json.loads(message)
        reports = [Report(int(r["step"]), _values(r["values"])) for r in found.get("reports", ())]
        return Output(tuple(reports), _values(found["values"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # What the collector was killed for, say.


def _values(written: Mapping[str, Any]) -> dict[str, Number]:
    return dict(_numbers(written))


def _numbers(written: Mapping[str, Any]) -> Iterator[tuple[str, Number]]:
    for name, value in written.items():
        if isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity"):
            raise ValueError(value)
        yield name, plain(number(value))
