"""Read the output of a run as it grows: output.log, and values.log for the rest.

The shim keeps the first `HEAD_BYTES` of the output. It parses the rest itself and writes the
values to values.log, one JSON object per line: reports, {"fault": …} if it could not continue,
and at the end {"values": …, "remarks": …}, the newest values of the whole output.
"""

import msgspec

from adapters.launchers.local.folder import RunFolder
from adapters.launchers.local.shim_output import HEAD_BYTES, VALUES
from adapters.output.growing_file import Growing
from tunelet.core.trial import Number, Report
from tunelet.training.metrics import Parser

_CHUNK = 1 << 18


class _Line(msgspec.Struct, frozen=True):
    step: int | None = None
    values: dict[str, Number] = {}
    remarks: str = ""
    fault: str | None = None


class OutputFile:
    """Reads both files. See `growing_file.TextFile` for its members."""

    def __init__(self, folder: RunFolder, parser: Parser) -> None:
        self._path = folder.output
        self._parser = parser
        self._offset = 0
        self._further = Growing(str(folder.path / VALUES))
        self._begun = b""
        self._steps: dict[int, dict[str, Number]] = {}
        self._last: _Line | None = None
        self.more = False
        self.fault: str | None = None

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports so far, sorted by step."""
        if not self._steps:
            return self._parser.reports
        steps = {each.step: dict(each.values) for each in self._parser.reports}
        for step, values in self._steps.items():
            steps[step] = values | steps.get(step, {})
        return tuple(Report(step, values) for step, values in sorted(steps.items()))

    @property
    def values(self) -> dict[str, Number]:
        """The newest value of each metric, once the output has ended."""
        return self._last.values if self._last else self._parser.values

    def remarks(self) -> str:
        """See `Parser.remarks`."""
        return self._last.remarks if self._last else self._parser.remarks()

    def read(self, limit: int) -> list[Report]:
        """Read at most `limit` bytes that were written since the last call."""
        stop = min(self._offset + limit, HEAD_BYTES)
        with self._path.open("rb") as output:
            output.seek(self._offset)
            while chunk := output.read(min(_CHUNK, stop - self._offset)):
                self._parser.feed(chunk)
                self._offset += len(chunk)
        head = self._offset == stop < HEAD_BYTES
        data = b"" if head else self._further.read(limit)
        self._take(data)
        self.more = head or len(data) == limit
        return []

    def close(self) -> list[Report]:
        """Read the rest, once the shim is gone."""
        self.read(_CHUNK)
        while self.more:
            self.read(_CHUNK)
        if self._path.stat().st_size <= HEAD_BYTES:
            return self._parser.close()
        # The last line of the head continues in the rest and ends there.
        if self._last is None and self.fault is None:
            self.fault = "the values after the first 8 MiB are unknown"
        return []

    def _take(self, data: bytes) -> None:
        *lines, self._begun = (self._begun + data).split(b"\n")
        for text in lines:
            line = msgspec.json.decode(text, type=_Line)
            if line.fault is not None:
                self.fault = line.fault
            elif line.step is None:
                self._last = line
            else:
                self._steps[line.step] = line.values | self._steps.get(line.step, {})
