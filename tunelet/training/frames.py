"""Which lines of an output are source lines in a Python traceback: their numbers are no results.

      File "train.py", line 7, in fit
        model = fit(epochs=3, loss=0.5)

Such a line follows the line of a frame and is indented further. Up to `_MOST` lines may belong to a
frame, because a long expression is shown in full. A look at a line goes back to the newest line
that is known, and at most that far, so that the time stays proportional to the output.
"""

_FRAME = b'  File "'
INDENT = b"    "
"""Other lines need no look."""
_MOST = 8


class Frames:
    """Reads one output in pieces that begin and end at lines."""

    def __init__(self) -> None:
        self._since = 0
        """1 after the line of a frame, and one more after each of its source lines; else 0."""
        self._at = 0
        """Where the line begins before which `_since` holds, in the present piece."""

    def skips(self, data: bytes, begin: int, end: int) -> bool:
        """Whether this line of `data` is source. Later calls are for later lines."""
        since = self._before(data, begin)
        raw = shown(data[begin:end])
        self._at, self._since = end + 1, _after(since, raw)
        return 0 < since <= _MOST and _is_source(raw)

    def end_piece(self, data: bytes) -> None:
        """Keep what the next piece has to know. `data` lacks its last line end."""
        self._at, self._since = 0, self._before(data, len(data) + 1)

    def _before(self, data: bytes, begin: int) -> int:
        """How many lines there are since that of a frame; 0 if another kind of line is between."""
        steps = 0
        while begin > self._at:
            place = data.rfind(b"\n", 0, begin - 1) + 1
            raw = shown(data[place : begin - 1])
            steps += 1
            if raw.startswith(_FRAME):
                return steps
            if steps > _MOST or not _is_source(raw):
                return 0
            begin = place
        return self._since + steps if self._since else 0


def shown(raw: bytes) -> bytes:
    r"""The part of a line that a terminal shows, if \r has overwritten it."""
    if b"\r" not in raw:
        return raw
    return next((part for part in reversed(raw.split(b"\r")) if part.strip()), b"")


def _after(since: int, raw: bytes) -> int:
    if raw.startswith(_FRAME):
        return 1
    return since + 1 if 0 < since <= _MOST and _is_source(raw) else 0


def _is_source(raw: bytes) -> bool:
    return raw.startswith(INDENT) and not raw.isspace()
