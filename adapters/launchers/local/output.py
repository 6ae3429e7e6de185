"""The output of a run, read as it comes: output.log, and values.log for what is not kept there.

The shim keeps the first `HEAD_BYTES` of the output; of what follows it finds the values itself and
writes them to values.log, a JSON object a line: reports, {"fault": …} where it could not go on,
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
    """Read as `growing.TextFile` is."""

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
        """All so far, by step."""
        if not self._steps:
            return self._parser.reports
        steps = {each.step: dict(each.values) for each in self._parser.reports}
        for step, values in self._steps.items():
            steps[step] = values | steps.get(step, {})
        return tuple(Report(step, values) for step, values in sorted(steps.items()))

    @property
    def values(self) -> dict[str, Number]:
        """The newest by metric, once the output has ended."""
        return self._last.values if self._last else self._parser.values

    def remarks(self) -> str:
        """As `Parser.remarks`."""
        return self._last.remarks if self._last else self._parser.remarks()

    def read(self, limit: int) -> list[Report]:
        """Read `limit` bytes, at most, of what was written since the last time."""
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
        """Read all that is left. The shim is gone."""
        self.read(_CHUNK)
        while self.more:
            self.read(_CHUNK)
        if self._path.stat().st_size <= HEAD_BYTES:
            return self._parser.close()
        # The last line of the head goes on in what follows: it ends there.
        if self._last is None and self.fault is None:
            self.fault = "nothing tells which values came after the first 8 MiB"
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
