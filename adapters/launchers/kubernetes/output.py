"""What is known of a run's values from the outside: its output, and its collector's last words."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from adapters.launchers import verdict
from adapters.launchers.kubernetes import diagnosis
from adapters.launchers.kubernetes.diagnosis import Object
from adapters.launchers.kubernetes.labels import COLLECTOR
from adapters.launchers.kubernetes.objects import Objects, Thing
from tunelet.errors import NotFound, Reject
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
    remarks: str = ""
    """What its reader adds to the reason of the outcome."""


class _Reader:
    """Feeds a parser, if the output is to be parsed, and keeps the end of what it was given."""

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

    def output(self, ended: bool) -> Output:
        if ended:
            self._parser.close()
        tail = verdict.tail(self._end)
        remarks = self._parser.remarks() if ended and self._parsed else ""
        return Output(self._parser.reports, dict(self._parser.values), tail, remarks)


def look(objects: Objects, thing: Thing, pod: Object) -> tuple[Report, ...]:
    """What an active run has printed, unless a collector reports it."""
    name = thing.record.container
    printed = thing.record.metrics["source"] == "stdout" and not diagnosis.has(pod, COLLECTOR)
    if not printed or not diagnosis.started(pod, name):
        return ()
    reader = _Reader(thing.record.metrics, parsed=True)
    try:
        reader.feed(objects.output(thing.run, _name(pod), name, limitBytes=str(LOOK_BYTES)))
    except (NotFound, Reject):
        return ()  # It went away just now.
    return reader.output(ended=False).reports


def whole(objects: Objects, thing: Thing, pod: Object, container: str) -> Output | None:
    """The values of a run that has ended, and the last lines of a container of it.

    None if nothing can be read any more.
    """
    source = thing.record.metrics["source"]
    parsed = source == "stdout" and container == thing.record.container
    try:
        seen = _read(objects, thing, pod, container, parsed)
    except (NotFound, Reject):  # The log went away with the node, say; what the pod says did not.
        words = last_words(pod)
        return words if words.values or words.remarks else None
    if source in ("stdout", "push"):
        return seen
    return last_words(pod)._replace(tail=seen.tail)


def _read(objects: Objects, thing: Thing, pod: Object, container: str, parsed: bool) -> Output:
    reader = _Reader(thing.record.metrics, parsed)
    first = {"limitBytes": str(END_BYTES)} if parsed else {"tailLines": str(verdict.TAIL_LINES)}
    reader.feed(objects.output(thing.run, _name(pod), container, **first))
    if parsed and reader.size >= END_BYTES:
        last = {"tailLines": str(LAST_LINES), "limitBytes": str(LOOK_BYTES)}
        reader.feed(objects.output(thing.run, _name(pod), container, **last))
    return reader.output(ended=True)


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def last_words(pod: Mapping[str, Any]) -> Output:
    """What the collector of the pod left in its termination message; nothing if it left none.

    {"values": {name: number}, "reports": [{"step": 1, "values": {…}}], "remarks": "…"}
    """
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        ends = ((status.get(state) or {}).get("terminated") for state in ("state", "lastState"))
        for end in ends if status["name"] == COLLECTOR else ():
            if end and (found := _said(str(end.get("message", "")))):
                return found
    return Output()


def _said(message: str) -> Output | None:
    try:
        found = json.loads(message)
        reports = [Report(int(r["step"]), _values(r["values"])) for r in found.get("reports", ())]
        remarks = str(found.get("remarks", ""))
        return Output(tuple(reports), _values(found["values"]), remarks=remarks)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # What the collector was killed for, say.


def _values(written: Mapping[str, Any]) -> dict[str, Number]:
    return {name: plain(number(value)) for name, value in written.items()}
