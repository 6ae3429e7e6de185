"""What was read and not yet reported. Filled by one thread, emptied by another."""

import json
from collections.abc import Iterable, Mapping
from threading import Condition
from typing import Any

from tunelet.core.trial import Number, Report

BATCH_REPORTS = 1000
"""No more are taken by the service in one request."""
BATCH_BYTES = 256 * 1024
MESSAGE_BYTES = 4096
"""What Kubernetes keeps of a termination message."""


class Pending:
    def __init__(self) -> None:
        self._changed = Condition()
        self._steps: dict[int, dict[str, Number]] = {}
        self._done = False

    def add(self, reports: Iterable[Report]) -> None:
        """Remember what was read, by step."""
        with self._changed:
            for report in reports:
                self._steps.setdefault(report.step, {}).update(report.values)
            self._changed.notify()

    def close(self) -> None:
        """Everything was read."""
        with self._changed:
            self._done = True
            self._changed.notify()

    def wait(self, seconds: float) -> bool:
        """Whether there is something to report, at the latest after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._steps or self._done, seconds)
            return bool(self._steps)

    @property
    def done(self) -> bool:
        """Nothing more will come, and nothing is left."""
        with self._changed:
            return self._done and not self._steps

    def batch(self) -> list[dict[str, Any]]:
        """The earliest that fit into one request. They stay until `reported`."""
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
        """Forget them; what came to the same steps meanwhile stays."""
        with self._changed:
            for each in batch:
                left = self._steps[each["step"]]
                for name in each["values"]:
                    del left[name]
                if not left:
                    del self._steps[each["step"]]


def message(
    values: Mapping[str, Number], first: Iterable[str], read: bool, remarks: str = ""
) -> bytes:
    """The termination message: the newest values, those named `first` before all others.

    `read`: they are the last, for all was read. `remarks` are what the reader of the values adds to
    the outcome's reason.
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
