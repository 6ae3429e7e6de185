"""The reports that were read and not yet sent. One thread fills them in, another sends them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from threading import Condition
from typing import Any

from tunelet.core.trial import Number, Report

BATCH_REPORTS = 1000
"""The most reports that the service accepts in one request."""
BATCH_BYTES = 256 * 1024
MESSAGE_BYTES = 4096
"""The bytes of a termination message that Kubernetes keeps."""


class Pending:
    def __init__(self) -> None:
        self._changed = Condition()
        self._steps: dict[int, dict[str, Number]] = {}
        self._done = False

    def add(self, reports: Iterable[Report]) -> None:
        """Add reports, by step."""
        with self._changed:
            for report in reports:
                self._steps.setdefault(report.step, {}).update(report.values)
            self._changed.notify()

    def close(self) -> None:
        """Note that everything was read."""
        with self._changed:
            self._done = True
            self._changed.notify()

    def wait(self, seconds: float) -> bool:
        """Wait for a report, at most for these seconds. Returns whether there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._steps or self._done, seconds)
            return bool(self._steps)

    @property
    def done(self) -> bool:
        """Whether everything was read and sent."""
        with self._changed:
            return self._done and not self._steps

    def last(self, batch: Sequence[Mapping[str, Any]]) -> bool:
        """Whether everything was read, and nothing is to be sent after this batch."""
        with self._changed:
            return self._done and len(batch) == len(self._steps)

    def batch(self) -> list[dict[str, Any]]:
        """Return the earliest reports that fit into one request. They stay until `reported`."""
        with self._changed:
            batch: list[dict[str, Any]] = []
            size = 0
            for step, values in self._steps.items():
                size += len(json.dumps(values)) + 32
                if batch and (size > BATCH_BYTES or len(batch) == BATCH_REPORTS):
                    break
                batch.append({"step": step, "values": dict(values)})
            return batch

    def reported(self, batch: Iterable[Mapping[str, Any]]) -> None:
        """Remove these reports; keep values that were added to the same steps meanwhile."""
        with self._changed:
            for each in batch:
                left = self._steps[each["step"]]
                for name in each["values"]:
                    del left[name]
                if not left:
                    del self._steps[each["step"]]


def encoded(
    values: Mapping[str, Number], first: Iterable[str], read: bool, remarks: str = ""
) -> bytes:
    """Return the termination message as JSON: as many values as fit, those named `first` first.

    `read`: these are the last values, because everything was read. `remarks` are added to the
    outcome's reason.
    """
    names = [*(name for name in first if name in values), *sorted(values)]
    kept: dict[str, Number] = {}
    for name in dict.fromkeys(names):
        more = {**kept, name: values[name]}
        if len(_message(more, read, remarks)) <= MESSAGE_BYTES:
            kept = more
    return _message(kept, read, remarks)


def _message(values: Mapping[str, Number], read: bool, remarks: str) -> bytes:
    written = {"read": read, "values": values} | ({"remarks": remarks} if remarks else {})
    return json.dumps(written, separators=(",", ":")).encode()
