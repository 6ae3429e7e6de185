"""The values of a run: from its output, and from its collector's termination message."""

import json
from collections.abc import Mapping
from datetime import datetime
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
    "containerLogMaxSize says otherwise): print the value again at the end, or use a collector"
)
_BEGINNING_SECONDS = 10.0
"""A log may have lost its beginning if it begins later than its container by this."""


class Output(NamedTuple):
    reports: tuple[Report, ...] = ()
    values: Mapping[str, Number] = {}
    tail: str = ""
    read: bool = False
    """Whether the source was read to its end, so that these are the last values."""
    limit: str | None = None
    """Why there may have been other, earlier values."""
    remarks: str = ""
    """Remarks for the reason of the outcome."""


def look(objects: Objects, readings: Readings, thing: Thing, pod: Object) -> tuple[Report, ...]:
    """Return the reports in the output of an active run; none if a collector reports them."""
    record = thing.record
    printed = record.metrics.source == "stdout" and not diagnosis.has(pod, COLLECTOR)
    if not printed or not diagnosis.started(pod, record.container):
        return ()
    uid = str(pod["metadata"].get("uid"))
    reading = readings.take(uid, record.metrics)
    try:
        reading.look(_log(objects, thing, pod, record.container))
    except (NotFound, Reject):
        return ()  # The pod has just been removed.
    readings.keep(uid, reading)
    return reading.reports


def last_printed(objects: Objects, thing: Thing, pod: Object) -> float | None:
    """Return the time of the training's last line; None if it has not printed any."""
    log = _log(objects, thing, pod, thing.record.container)
    stamp = b"".join(log(timestamps="true", tailLines="1")).partition(b" ")[0]
    try:
        return datetime.fromisoformat(stamp.decode()).timestamp()
    except ValueError:
        return None


def whole(
    objects: Objects, readings: Readings, thing: Thing, pod: Object, container: str
) -> Output:
    """Return the values of an ended run, and the last lines of one of its containers."""
    source = thing.record.metrics.source
    message = termination_message(pod, thing.record.container)
    if source == "push":
        message = Output(read=True)
    elif source == "stdout" and not message.read and container == thing.record.container:
        return _printed(objects, readings, thing, pod, message)
    return message._replace(tail=_tail(_log(objects, thing, pod, container)))


def unread(pod: Object) -> str:
    """Return why the values of a training that ended by itself were not read to their end."""
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        end = (status.get("state") or {}).get("terminated") if status["name"] == COLLECTOR else None
        if end and end.get("exitCode"):
            how = f"{end.get('reason') or 'Error'}, exit code {end['exitCode']}"
            return f"its collector ended ({how}) before it had read everything"
    if diagnosis.has(pod, COLLECTOR):
        return "its collector does not say that it has read everything"
    return "its output is gone, perhaps with its node"


def _printed(
    objects: Objects, readings: Readings, thing: Thing, pod: Object, message: Output
) -> Output:
    """The values in the log, which may lack its beginning; those of `message` without a log."""
    record = thing.record
    reading = readings.take(str(pod["metadata"].get("uid")), record.metrics)
    try:
        reading.finish(_log(objects, thing, pod, record.container))
    except (NotFound, Reject):  # For example, the node is gone.
        return message
    values = reading.values
    known = all(name in values for name in record.metrics.objectives)
    # A collector that ended early may have read lines that the log does not have any more.
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


def termination_message(pod: Mapping[str, Any], container: str) -> Output:
    """Return the contents of the collector's termination message; empty if there is none.

    {"read": true, "values": {name: number}, "reports": [{"step": 1, "values": {…}}],
    "remarks": "…"}

    `read` means that the source was read to its end. It counts only if the collector ended after
    the training in `container`: Kubernetes restarts a collector that ends earlier. Collectors of
    older versions lack `read`; they end with 0 when they have read everything, or after 25 s.
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
        return None  # Another message, for example why the collector was killed.


def _values(written: Mapping[str, Any]) -> dict[str, Number]:
    return {name: plain(number(value)) for name, value in written.items()}
