"""What is known of a run's values from the outside: its output, and its collector's last words."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from adapters.launchers.kubernetes import diagnosis, disruption
from adapters.launchers.kubernetes.diagnosis import Object
from adapters.launchers.kubernetes.labels import COLLECTOR
from adapters.launchers.kubernetes.objects import Objects, Thing
from adapters.launchers.kubernetes.reading import Log, Readings
from tunelet.core.trial import Number, Report, number, plain
from tunelet.errors import NotFound, Reject
from tunelet.training import outcome

ROTATED = (
    "the node kept only the end of its output (the last 10 MiB, unless the kubelet's "
    "containerLogMaxSize says otherwise): print the value once more at the end, or use a collector"
)
_BEGINNING_SECONDS = 10.0
"""A log that begins so much later than its container may have lost its beginning."""


class Output(NamedTuple):
    reports: tuple[Report, ...] = ()
    values: Mapping[str, Number] = {}
    tail: str = ""
    read: bool = False
    """The values were read to the end of the source, so they are the last."""
    limit: str | None = None
    """Why there may have been other values, earlier."""
    remarks: str = ""
    """What its reader adds to the reason of the outcome."""


def look(objects: Objects, readings: Readings, thing: Thing, pod: Object) -> tuple[Report, ...]:
    """What an active run has printed, unless a collector reports it."""
    record = thing.record
    printed = record.metrics.source == "stdout" and not diagnosis.has(pod, COLLECTOR)
    if not printed or not diagnosis.started(pod, record.container):
        return ()
    uid = str(pod["metadata"].get("uid"))
    reading = readings.take(uid, record.metrics)
    try:
        reading.look(_log(objects, thing, pod, record.container))
    except (NotFound, Reject):
        return ()  # It went away just now.
    readings.keep(uid, reading)
    return reading.reports


def whole(
    objects: Objects, readings: Readings, thing: Thing, pod: Object, container: str
) -> Output:
    """The values of a run that has ended, and the last lines of a container of it."""
    source = thing.record.metrics.source
    words = last_words(pod, thing.record.container)
    if source == "push":
        words = Output(read=True)
    elif source == "stdout" and not words.read and container == thing.record.container:
        return _printed(objects, readings, thing, pod, words)
    return words._replace(tail=_tail(_log(objects, thing, pod, container)))


def unread(pod: Object) -> str:
    """Why the values of a training that ended by itself were not read to their end."""
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        end = (status.get("state") or {}).get("terminated") if status["name"] == COLLECTOR else None
        if end and end.get("exitCode"):
            how = f"{end.get('reason') or 'Error'}, exit code {end['exitCode']}"
            return f"its collector was ended ({how}) before it had read everything"
    if diagnosis.has(pod, COLLECTOR):
        return "its collector does not say that it has read everything"
    return "its output is gone, with its node perhaps"


def _printed(
    objects: Objects, readings: Readings, thing: Thing, pod: Object, words: Output
) -> Output:
    """What the log has, which may not go back to the beginning."""
    record = thing.record
    reading = readings.take(str(pod["metadata"].get("uid")), record.metrics)
    try:
        reading.finish(_log(objects, thing, pod, record.container))
    except (NotFound, Reject):  # It went away with the node, say.
        return words
    values = reading.values
    known = all(name in values for name in record.metrics.objectives)
    # A collector that was ended early may have read what the log does not have any more.
    read = known or not diagnosis.has(pod, COLLECTOR)
    limit = ROTATED if reading.gap or _begins_late(reading.first, pod, record.container) else None
    return Output(reading.reports, values, reading.tail, read, limit, reading.remarks)


def _begins_late(first: str | None, pod: Object, container: str) -> bool:
    began = disruption.started_at(pod, container)
    at = disruption.moment(first)
    return began is not None and at is not None and at - began > _BEGINNING_SECONDS


def _tail(log: Log) -> str:
    try:
        return outcome.tail(b"".join(log(tailLines=str(outcome.TAIL_LINES))))
    except (NotFound, Reject):
        return ""


def _log(objects: Objects, thing: Thing, pod: Object, container: str) -> Log:
    return partial(objects.output, thing.run, str(pod["metadata"]["name"]), container)


def last_words(pod: Mapping[str, Any], container: str) -> Output:
    """What the collector of the pod left in its termination message; nothing if it left none.

    {"read": true, "values": {name: number}, "reports": [{"step": 1, "values": {…}}],
    "remarks": "…"}

    `read` says that the source was read to its end. Only one that ended after the training in
    `container` can know that: Kubernetes starts a collector again that ends before. An older one
    does not say it, but ends with 0 when it has read everything, or after 25 s.
    """
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        for state in ("state", "lastState") if status["name"] == COLLECTOR else ():
            end = (status.get(state) or {}).get("terminated")
            if end and (found := _said(str(end.get("message", "")), end.get("exitCode") == 0)):
                trained = disruption.ended_at(pod, container)
                at = disruption.moment(end.get("finishedAt"))
                early = trained is not None and at is not None and at < trained
                return found._replace(read=found.read and not early and state == "state")
    return Output()


def _said(message: str, read: bool) -> Output | None:
    try:
        found = json.loads(message)
        reports = [Report(int(r["step"]), _values(r["values"])) for r in found.get("reports", ())]
        said, remarks = _values(found["values"]), str(found.get("remarks", ""))
        read = found.get("read", read) is True
        return Output(tuple(reports), said, "", read, None, remarks)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # What the collector was killed for, say.


def _values(written: Mapping[str, Any]) -> dict[str, Number]:
    return {name: plain(number(value)) for name, value in written.items()}
