r"""Values in what training code writes: `name=value` in text, or a JSON object a line.

What comes out follows from the bytes alone, however they are cut into chunks, so output
read again after a crash gives the same reports and recording them is idempotent:

- A line that carries the metric which `step` names (an integer >= 0) belongs to that step.
  From then on a line without it belongs to the step of the last such line.
- Until a line names its step, steps are counted from 1: a line joins the step in
  progress, unless one of its metrics was already seen there; then it begins the next.
- The first value of a metric at a step stands. `values` has the newest of each metric.

A line ends with \n. Of a line that was overwritten with \r (a progress bar) what a
terminal would show last counts. ANSI sequences are dropped, bytes that are not UTF-8
are replaced, and only the first 64 KiB of a line, the first 10,000 steps and the first
1,000 metrics, with names of 128 characters at most, count. All
takes time in proportion to the output; of a line that is matched with an experiment's own
pattern only the first 4,096 characters count, for the matches of RE2 in one line are each
found in linear time, but there may be as many as characters.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tunelet.pattern import compiled
from tunelet.text.limits import METRICS, STEPS, is_metric_name
from tunelet.training.remarks import missing_values
from tunelet.trial import Number, Report, plain

LINE_BYTES = 64 * 1024
MATCHED = 4096

# The possessive quantifiers give the same matches as greedy ones would, and never go back.
_NUMBER = (
    r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
    r"|(?i:nan|inf(?:inity)?+))"
)
_VALUE = re.compile(_NUMBER)
PATTERN = (
    r"(?<![\w./-])(?P<name>[A-Za-z_][\w./-]*+)\s*+=\s*+"
    rf"(?P<value>{_NUMBER})(?=$|[\s,;:|)\]}}'\"]|\.(?:\s|$))"
)
r"""What is looked for in text unless the experiment says otherwise: a name, `=`, a number that
ends there. Neither `--lr=0.1` (an echoed argument) nor `time=3s` nor `v=1.2.3` is a metric."""

_DEFAULT = re.compile(PATTERN)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)|[@-Z\\-_])")


class Parser:
    """Reads one output from its beginning, chunk by chunk.

    `metrics` is the spec's: `format` "text" or "json", `pattern` a regular expression with
    the groups `name` and `value` (None: `PATTERN`), `step` the metric that numbers the steps.
    Raises `Reject` for a pattern that cannot be used.
    """

    def __init__(self, metrics: Mapping[str, Any]) -> None:
        self.values: dict[str, Number] = {}
        self._json = metrics.get("format") == "json"
        pattern = metrics.get("pattern")
        self._pattern = compiled(pattern) if pattern else _DEFAULT
        self._matched = MATCHED if pattern else None
        self._sign = b"{" if self._json else b"" if pattern else b"="
        self._step_name = metrics.get("step")
        self._objectives = tuple(metrics.get("objectives", ()))
        self._steps: dict[int, dict[str, Number]] = {}
        self._names: set[str] = set()
        self._step = 0
        self._named = False
        self._line = bytearray()
        self._shown = b""

    @property
    def reports(self) -> tuple[Report, ...]:
        """All so far, by step."""
        return tuple(Report(step=s, values=dict(v)) for s, v in sorted(self._steps.items()))

    def feed(self, data: bytes) -> list[Report]:
        """The reports that these bytes complete; a step's report has only what is new."""
        first, end, rest = data.partition(b"\n")
        if self._sign and end and self._sign not in rest:
            # Most output says nothing of metrics, and there may be much of it.
            return self._feed(first + end) + self._feed(rest[rest.rfind(b"\n") + 1 :])
        return self._feed(data)

    def _feed(self, data: bytes) -> list[Report]:
        found: list[Report] = []
        for part in re.split(rb"([\r\n])", data):
            if part == b"\n":
                found += self._end_line()
            elif part == b"\r":
                self._overwrite()
            else:
                self._line += part[: LINE_BYTES - len(self._line)]
        return found

    def close(self) -> list[Report]:
        """The output has ended: its last line counts even without a line end."""
        return self._end_line()

    def take(self, values: Mapping[str, Number]) -> list[Report]:
        """The report of one line that carried `values`, if any of it is new."""
        step = _whole(values.get(self._step_name)) if self._step_name else None
        metrics = {k: v for k, v in values.items() if step is None or k != self._step_name}
        return self.take_at(step, metrics)

    def take_at(self, step: int | None, metrics: Mapping[str, Number]) -> list[Report]:
        """The report of `metrics` that were measured together, if any of it is new.

        Without a `step` it follows from what came before.
        """
        metrics = {name: value for name, value in metrics.items() if self._knows(name)}
        self.values |= metrics
        self._turn_to(step, metrics)
        seen = self._steps.get(self._step, {})
        new = {k: v for k, v in metrics.items() if k not in seen}
        if not new or (not seen and len(self._steps) >= STEPS):
            return []
        self._steps[self._step] = seen | new
        return [Report(step=self._step, values=new)]

    def remarks(self) -> str:
        """What an outcome's reason should say of objectives without a value; empty: nothing."""
        missing = [name for name in self._objectives if name not in self.values]
        return missing_values(missing, sorted(self.values)) if missing else ""

    def _knows(self, name: str) -> bool:
        """The metric counts; if it is new it takes one of the places."""
        if name not in self._names and len(self._names) < METRICS and is_metric_name(name):
            self._names.add(name)
        return name in self._names

    def _turn_to(self, step: int | None, metrics: Mapping[str, Number]) -> None:
        if step is not None:
            self._named, self._step = True, step
        elif not self._named and metrics:
            seen = self._steps.get(self._step, {})
            if self._step == 0 or not seen.keys().isdisjoint(metrics):
                self._step += 1

    def _overwrite(self) -> None:
        if self._line.strip():
            self._shown = bytes(self._line)
        self._line.clear()

    def _end_line(self) -> list[Report]:
        self._overwrite()
        raw, self._shown = self._shown, b""
        if self._sign not in raw:
            return []
        line = clean(raw)
        values = _json_values(line) if self._json else self._text_values(line)
        return self.take(values)

    def _text_values(self, line: str) -> dict[str, Number]:
        matches = self._pattern.finditer(line[: self._matched])
        found = ((m["name"], _measured(m["value"])) for m in matches)
        return {name: value for name, value in found if name and value is not None}


def parse_file(data: bytes, metrics: Mapping[str, Any]) -> Parser:
    """A finished file, read: `reports` and `values` of the answer.

    With format "json": one object, a list of objects, or an object a line.
    """
    parser = Parser(metrics)
    objects = members(data) if metrics.get("format") == "json" else None
    if objects:
        for each in objects:
            parser.take(numbers(each))
    else:
        parser.feed(data)
        parser.close()
    return parser


def clean(raw: bytes) -> str:
    """A line of output as text, without ANSI sequences and the byte order mark."""
    return _ANSI.sub("", raw.decode(errors="replace")).lstrip("\ufeff")


def _measured(value: object) -> Number | None:
    """The number that stands there, or None if it is something else."""
    if isinstance(value, str):
        return plain(float(value)) if _VALUE.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return plain(float(value))
    except OverflowError:
        return None


def _whole(value: Number | None) -> int | None:
    if not isinstance(value, float) or not value.is_integer() or not 0 <= value < 2**53:
        return None
    return int(value)


def _json_values(line: str) -> dict[str, Number]:
    found = _loads(line)
    return numbers(found) if isinstance(found, dict) else {}


def members(data: bytes) -> list[dict[str, Any]] | None:
    """The objects of a JSON document that is one, or a list of them; None where it is neither."""
    found = document(data)
    listed = found if isinstance(found, list) else [found]
    objects = [each for each in listed if isinstance(each, dict)]
    return objects if len(objects) == len(listed) else None


def document(data: bytes) -> object:
    """A file's JSON, also behind a byte order mark; None where there is none."""
    # Not the codec utf-8-sig: the collector's image has only the codecs that are needed at start.
    return _loads(data.decode(errors="replace").removeprefix("\ufeff"))


def numbers(values: Mapping[str, Any]) -> dict[str, Number]:
    """The members that are numbers, or strings that read as one."""
    found = ((name, _measured(value)) for name, value in values.items())
    return {name: value for name, value in found if value is not None}


def _loads(text: str) -> object:
    """The JSON document, or None where there is none: other output may stand between."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
