"""The shim's handling of the training's output: to output.log, and values to values.log.

It is part of the shim's program, so it uses only the standard library, and the shim imports it by
its bare name: no package is imported before the training begins.
"""

import errno
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.launchers.local.shim_tree import Signals

HEAD_BYTES = 8 << 20
TAIL_BYTES = 1 << 20
VALUES = "values.log"
_BACKLOG_BYTES = 4 << 20
"""The most output that may wait to be parsed; beyond that the training waits as well."""
_PIECE = 1 << 16
_PIECES_A_TURN = 16
_NOTE = b"\ntunelet: this is more output than is kept; only its last MiB follows, at the end\n"

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE)
_FULL_PAUSE = 0.2
_FULL_SECONDS = 600.0


class Values:
    """Writes the values of output that output.log does not keep to values.log.

    Only the service's own parser recognizes values. It is loaded when there is more output than
    output.log keeps, and begins with the contents of output.log. It reads one piece per turn, so
    that signals are handled between turns.
    """

    def __init__(self, plan: dict[str, Any], folder: str) -> None:
        self._plan = plan
        self._folder = folder
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._parser: Any = None
        self._head = self._log = -1
        self._left = 0
        self._pending = b""
        self._failed = False

    def add(self, data: bytes) -> None:
        if not self._failed:
            self._waiting.append(data)
            self._size += len(data)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to read or write."""
        return not self._waiting and not self._pending

    @property
    def full(self) -> bool:
        return self._size > _BACKLOG_BYTES

    def turn(self) -> None:
        """Read a piece. Raises `OSError` if the disk is full; then it can be called again."""
        self._flush()
        if not self._waiting:
            return
        if self._log < 0:
            path = os.path.join(self._folder, VALUES)
            self._log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._read()
        except Exception as error:  # noqa: BLE001
            self._fail(error)
        self._flush()

    def close(self) -> None:
        """Read and write the rest, once no output can come any more."""
        while not self.idle:
            patiently(self.turn)
        if self._parser is None or self._failed:
            return
        try:
            found = self._parser.close()
            self._say(*({"step": each.step, "values": each.values} for each in found))
            self._say({"values": self._parser.values, "remarks": self._parser.remarks()})
        except Exception as error:  # noqa: BLE001
            self._fail(error)
        patiently(self._flush)

    def _read(self) -> None:
        if self._parser is None:
            self._begin()
        if self._left:
            # The service itself reads the values in output.log.
            data = os.read(self._head, min(_PIECE, self._left))
            self._left -= len(data)
            self._parser.feed(data)
            return
        data = self._waiting.popleft()
        self._size -= len(data)
        found = self._parser.feed(data)
        self._say(*({"step": each.step, "values": each.values} for each in found))

    def _begin(self) -> None:
        # In place of this file's folder, from which no module should be imported.
        sys.path[:1] = self._plan["modules"]
        import msgspec

        from tunelet.core.metrics_source import MetricsSource
        from tunelet.training.metrics import Parser

        self._head = os.open(os.path.join(self._folder, "output.log"), os.O_RDONLY)
        self._left = HEAD_BYTES
        self._parser = Parser(msgspec.convert(self._plan["metrics"], MetricsSource))

    def _say(self, *lines: dict[str, Any]) -> None:
        self._pending += b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def _fail(self, error: Exception) -> None:
        """Record that the values are incomplete: the run is lost, but the training continues."""
        self._failed = True
        self._waiting.clear()
        self._size = 0
        self._say({"fault": f"{type(error).__name__}: {error}"[:500]})

    def _flush(self) -> None:
        while self._pending:
            self._pending = self._pending[os.write(self._log, self._pending) :]


class Output:
    """Copies the training's output from a pipe to output.log, up to the limit."""

    def __init__(self, plan: dict[str, Any], folder: str) -> None:
        self._values = Values(plan, folder) if plan["metrics"]["source"] == "stdout" else None
        self._source, self.sink = os.pipe()
        os.set_blocking(self._source, False)
        self._log = os.open(os.path.join(folder, "output.log"), os.O_WRONLY | os.O_APPEND)
        self._room = HEAD_BYTES
        self._pending = b""
        self._tail: deque[bytes] = deque()
        self._held = 0
        self._left_out = 0

    def wait(
        self, signals: "Signals", seconds: float | None, first: Callable[[], object] | None = None
    ) -> None:
        """Copy output, after calling `first`, until there is a signal or the time is over."""
        if self._pending:
            # The disk is full. The training waits.
            seconds = min(_FULL_PAUSE, _FULL_PAUSE if seconds is None else seconds)
            signals.wait(seconds)
        elif self._values is None or self._values.idle:
            signals.wait(seconds, self._source)
        else:
            signals.wait(0)
            self._read_values()
        if first is not None:
            first()
        self._copy()

    def close(self) -> None:
        """Write the rest, once no output can come any more."""
        while self._values is not None and self._values.full:
            patiently(self._values.turn)
        self._copy()
        patiently(self._flush)
        if self._values is not None:
            self._values.close()
        while self._tail:
            self._pending = self._end()
            patiently(self._flush)

    def _read_values(self) -> None:
        assert self._values is not None
        try:
            self._values.turn()
        except OSError as error:
            if error.errno not in FULL:
                raise
            time.sleep(_FULL_PAUSE)

    def _copy(self) -> None:
        for _ in range(_PIECES_A_TURN):
            if self._values is not None and self._values.full:
                return
            try:
                self._flush()
                data = os.read(self._source, _PIECE)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in FULL:
                    raise
                return
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        head, rest = data[: self._room], data[self._room :]
        self._pending += head
        self._room -= len(head)
        if not rest:
            return
        if not self._tail:
            self._pending += _NOTE
        else:
            # A launcher sees by the time of the last change that the training still prints.
            os.utime(self._log)
        if self._values is not None:
            self._values.add(rest)
        self._tail.append(rest)
        self._held += len(rest)
        while self._held > TAIL_BYTES:
            gone = len(self._tail.popleft())
            self._held -= gone
            self._left_out += gone

    def _end(self) -> bytes:
        kept = b"".join(self._tail)
        self._tail.clear()
        if not self._left_out:
            return kept
        # A partial line could be read as another value.
        part, _, whole = kept.partition(b"\n")
        note = f"tunelet: {self._left_out + len(part)} bytes are left out here\n"
        return note.encode() + whole

    def _flush(self) -> None:
        while self._pending:
            self._pending = self._pending[os.write(self._log, self._pending) :]


def patiently(write: Callable[[], None]) -> None:
    """Try until there is space on the disk, ten minutes at most."""
    over = time.monotonic() + _FULL_SECONDS
    while True:
        try:
            write()
        except OSError as error:
            if error.errno not in FULL or time.monotonic() > over:
                raise
            time.sleep(_FULL_PAUSE)
        else:
            return
