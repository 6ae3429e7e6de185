r"""Reads metrics from a training's output: text, or one JSON object per line.

The result depends only on the bytes, not on how they are cut into chunks. So output that is read
again after a crash gives the same reports, and recording them is idempotent.
`tunelet.training.numerals` defines numbers, `tunelet.training.text` and `.objects` metrics, and
`tunelet.training.steps` the step of a line. `values` has the newest value of each metric. A number
that cannot be read replaces an earlier value: then the metric has none.

A line ends with \n. If a line was overwritten with \r (a progress bar), the text that a terminal
would show last counts. ANSI sequences are dropped, bytes that are not UTF-8 are replaced. Source
lines in a Python traceback do not count (`tunelet.training.frames`). Only the first 1 MiB of a
line, the first 10,000 steps and the first 1,000 metrics count, with names of up to 128 characters;
requested metrics always count. The time is proportional to the output: if an experiment has its own
patterns, they see only the first 64 Ki characters of a line and find fewer matches the longer it is
(2,048 in 4,096 characters), because RE2 finds each match in time that is linear in the line.
`remarks` names the limits that were reached.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number, Report, number
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.limits import METRIC_LENGTH, METRICS, STEPS, is_metric_name
from tunelet.training.agreement import Agreement
from tunelet.training.frames import INDENT, Frames, shown
from tunelet.training.numerals import cut_out, others_as_digits
from tunelet.training.objects import member, members, numbers, objects_in, unreadable
from tunelet.training.regex import Matcher, matchers
from tunelet.training.remarks import Remarks
from tunelet.training.steps import LARGEST, Curve
from tunelet.training.text import Found, Reader

LINE_BYTES = 1 << 20
MATCHED = 1 << 16
_MATCHED_TOGETHER = 1 << 23
"""The largest product of a line's characters and the matches in it."""
_RECENT = 2048
_PIECE = LINE_BYTES // 4
"""The largest chunk that is read at once, so that a line that is too long is noticed."""

_ANSI = lazy_pattern(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)|[@-Z\\-_])")
_SIGNS = lazy_pattern(
    rb"[=:|\x82\x9a](?:(?<![0-9]:)|(?![0-9]))[ \t]*+['\"]?"
    rb"(?:[+-]?(?:\.?[0-9]|[nN][aA][nN]|[iI][nN][fF])|[A-Za-z_][A-Za-z0-9_.]{1,30}+\(|<tf)"
)
"""The start of a possible value in text, also after the last byte of │ or of a wide colon. Lines
without it are skipped."""
_BRACE = lazy_pattern(rb"\{")
_DICTIONARY = lazy_pattern(r"\{\s*+'")
_FIRST = itemgetter(0)
_ESCAPE = b"\x1b"
"""Colours may occur between a name and its value."""
_CUT = b"\xff"
"""Appended to a line that was cut, so that a number at its end does not look complete."""


class Parser:
    """Reads one output from its beginning, chunk by chunk.

    Raises `Reject` for an invalid pattern.
    """

    def __init__(self, metrics: MetricsSource) -> None:
        self.values: dict[str, Number] = {}
        self._step_name = metrics.step
        self._objectives = dict.fromkeys(metrics.objectives).keys()
        wanted = metrics.needed
        asked = [*wanted, *([self._step_name] if self._step_name else [])]
        self._asked = frozenset(asked)
        self._json = metrics.json
        self._matchers = matchers(metrics.pattern or None, tuple(self._objectives))
        self._reader = Reader(asked)
        self._agreement = Agreement(asked)
        self._blank = _blank(self._objectives)
        self._curve = Curve(wanted)
        self._frames = Frames()
        self._remarks = Remarks(metrics, _reads)
        self._needles = tuple(name.lower().encode() for name in self._asked)
        self._names: set[str] = set(self._asked)
        self._line = bytearray()
        self._shown = b""
        self._recent = b""

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports so far, sorted by step."""
        return self._curve.reports

    def remarks(self) -> str:
        """Return text for an outcome's reason: objectives without a value, and reached limits."""
        if self._curve.cut:
            self._remarks.limit(f"only the first {STEPS:,} steps were kept")
        missing = {
            name: self._agreement.several(name)
            for name in self._objectives
            if name not in self.values
        }
        recent = [clean(each.rstrip(b"\r")) for each in self._recent.rstrip().split(b"\n")]
        return self._remarks.text(missing, self.values, recent)

    def feed(self, data: bytes) -> list[Report]:
        """Return the reports that these bytes complete. Each has only new metrics of its step."""
        if len(data) <= _PIECE:
            return self._feed(data)
        pieces = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
        return [report for piece in pieces for report in self._feed(piece)]

    def _feed(self, data: bytes) -> list[Report]:
        self._recent = (self._recent + data[-_RECENT:])[-_RECENT:]
        first, end, rest = data.partition(b"\n")
        self._begin_line(first)
        if not end:
            return []
        found = self._end_line()
        whole, end, last = rest.rpartition(b"\n")
        if end:
            found += self._read_lines(whole)
        self._begin_line(last)
        return found

    def close(self) -> list[Report]:
        """End the output: its last line counts even without a line end. Returns its reports."""
        return self._end_line()

    def take(self, values: Mapping[str, Number]) -> list[Report]:
        """Return the report of a line with these `values`; empty if nothing in it is new."""
        metrics = dict(values)
        if not metrics.keys() <= self._names:
            metrics = {name: value for name, value in values.items() if self._knows(name)}
        step = None
        if self._step_name in metrics and (step := _step(metrics[self._step_name])) is not None:
            del metrics[self._step_name]
        elif self._step_name in metrics:
            self._curve.count_on()
        self.values |= metrics
        self._remarks.seen(metrics)
        return self._curve.add(step, metrics)

    def take_object(self, members: Mapping[str, Any]) -> list[Report]:
        """Return the report of a JSON object; empty if nothing in it is new."""
        values = numbers(members)
        for name in self._asked - values.keys():
            if name not in self.values and name != self._step_name:
                continue
            value = member(members, name)
            if value is not ... and (unreadable(value) or name == self._step_name):
                self._refuse(name)
            elif value is None or isinstance(value, str):
                self._remarks.blank(name)
        return self.take(values)

    def _refuse(self, name: str) -> None:
        """Drop the metric's value: the line has something instead that cannot be read."""
        self.values.pop(name, None)
        if name == self._step_name:
            self._curve.count_on()

    def take_at(self, step: int, metrics: Mapping[str, Number]) -> list[Report]:
        """Return the report of `metrics` at exactly this step; empty if nothing in it is new."""
        metrics = {name: value for name, value in metrics.items() if self._knows(name)}
        self.values |= metrics
        return self._curve.at(step, metrics) if metrics else []

    def _knows(self, name: str) -> bool:
        """Whether the metric counts. A new one takes one of the `METRICS` places."""
        if name in self._names:
            return True
        if not is_metric_name(name):
            if len(name) > METRIC_LENGTH:
                self._remarks.limit(f"a name of more than {METRIC_LENGTH} characters was ignored")
            return False
        if len(self._names) - len(self._asked) >= METRICS:
            self._remarks.limit(f"only the first {METRICS:,} metrics besides the requested count")
            return False
        self._names.add(name)
        return True

    def _begin_line(self, data: bytes) -> None:
        """Take a part of a line that has not ended yet."""
        *over, last = data.split(b"\r")
        for part in over:
            self._append(part)
            self._overwrite()
        self._append(last)

    def _append(self, part: bytes) -> None:
        if part:
            self._line += part[: LINE_BYTES + 1 - len(self._line)]

    def _overwrite(self) -> None:
        if self._line.strip():
            self._shown = bytes(self._line)
        self._line.clear()

    def _end_line(self) -> list[Report]:
        self._overwrite()
        raw, self._shown = self._shown, b""
        if len(raw) > LINE_BYTES:
            self._remarks.limit("of a line longer than 1 MiB only the beginning was read")
        skipped = self._frames.skips(raw, 0, len(raw))
        self._frames.end_piece(raw)
        return self._read_line(raw) if self._interesting(raw) and not skipped else []

    def _interesting(self, raw: bytes) -> bool:
        if self._matchers:
            return bool(raw)
        sign = _BRACE if self._json else _SIGNS
        if _ESCAPE in raw or sign.search(raw):
            return True
        lower = raw.lower()
        return any(needle in lower for needle in self._needles)

    def _read_lines(self, data: bytes) -> list[Report]:
        """The reports of whole lines, without the last line end."""
        found: list[Report] = []
        for begin, end in _all(data) if self._matchers else self._lines(data):
            raw = data[begin:end]
            if b"\r" in raw:
                raw = shown(raw)
                if not self._interesting(raw):
                    continue
            if raw.startswith(INDENT) and self._frames.skips(data, begin, end):
                continue
            if raw:
                found += self._read_line(raw)
        self._frames.end_piece(data)
        return found

    def _lines(self, data: bytes) -> Iterator[tuple[int, int]]:
        """The spans of lines that may have a metric; much of the output may be other text."""
        sign = _BRACE if self._json else _SIGNS
        lower = data.lower()
        literal = (_ESCAPE, *self._needles)
        sources = [_places(sign, data), *(_found(each, lower) for each in literal)]
        ahead = [(place, each) for each in sources if (place := each(0)) >= 0]
        while ahead:
            place = min(ahead, key=_FIRST)[0] if len(ahead) > 1 else ahead[0][0]
            begin = data.rfind(b"\n", 0, place) + 1
            end = data.find(b"\n", place)
            end = len(data) if end < 0 else end
            yield begin, end
            for at in range(len(ahead) - 1, -1, -1):
                one, each = ahead[at]
                if one < end:
                    if (one := each(end)) >= 0:
                        ahead[at] = one, each
                    else:
                        del ahead[at]

    def _read_line(self, raw: bytes) -> list[Report]:
        if len(raw) > LINE_BYTES:
            raw = raw[:LINE_BYTES] + _CUT
        line = clean(raw)
        if self._json:
            return self._read_object(line)
        found = self._matched(line) if self._matchers else self._reader.read(line)
        return self._take_found(line, found)

    def _read_object(self, line: str) -> list[Report]:
        objects, rest = objects_in(line)
        if not objects and (begin := _DICTIONARY.search(line)):
            # A Python dictionary, as `print` writes it.
            return self._take_found(line, self._reader.read(line[begin.start() :]))
        found = [report for each in objects for report in self.take_object(each)]
        for broken in self._reader.read(rest) if rest else ():
            # A number in another language's form (nan, 0,7), or a line that was cut off.
            if broken.name in self._asked:
                self._refuse(broken.name)
        self._remarks.note(line, self.values)
        return found

    def _take_found(self, line: str, found: Iterable[Found]) -> list[Report]:
        settled = self._agreement.settle(found)
        for name in settled.unclear:
            self._refuse(name)
        if not settled.values.keys() >= self._objectives:
            for match in self._blank.finditer(line):
                self._remarks.blank(match[1])
        reports = self.take(settled.values)
        self._remarks.note(line, self.values)
        return reports

    def _matched(self, line: str) -> Iterator[Found]:
        """What the patterns find, also in place of numbers that they are not written for."""
        text = line[:MATCHED]
        if len(line) > MATCHED:
            self._remarks.limit(f"patterns see the first {MATCHED:,} characters of a line")
        most = max(_MATCHED_TOGETHER // max(len(text), 1), 16)
        others = others_as_digits(text)
        for matcher in self._matchers:
            names = set()
            for match in self._matches(matcher, text, most):
                for each in _value(line, matcher, match, self._asked):
                    names.add(each.name)
                    yield each
            for digits, places in others:
                for match in self._matches(matcher, digits, most):
                    if match.start(matcher.value) in places:
                        found = _value(line, matcher, match, self._asked)
                        yield from (each for each in found if each.name in self._asked - names)

    def _matches(self, matcher: Matcher, text: str, most: int) -> Iterator[Any]:
        for count, match in enumerate(matcher.expression.finditer(text)):
            if count == most:
                self._remarks.limit(f"{most:,} matches in a line of {len(text):,} characters")
                break
            yield match


def parse_file(data: bytes, metrics: MetricsSource) -> Parser:
    """Read a complete file, and return the parser with its `reports` and `values`.

    With format "json" the file has one object, a list of objects, or one object per line.
    """
    parser = Parser(metrics)
    objects = members(data) if metrics.json else None
    if objects:
        for each in objects:
            parser.take_object(each)
    else:
        parser.feed(data)
        parser.close()
    return parser


def clean(raw: bytes) -> str:
    """Return a line of output as text, without ANSI sequences and the byte order mark."""
    text = raw.decode(errors="replace")
    return (_ANSI.sub("", text) if "\x1b" in text else text).lstrip("\ufeff")


def _reads(metrics: MetricsSource, line: str, name: str) -> Number | None:
    """The value of `name` in the line, read with these settings."""
    parser = Parser(metrics)
    parser.feed(line.encode(errors="replace"))
    parser.close()
    return parser.values.get(name)


def _value(line: str, matcher: Matcher, match: Any, asked: frozenset[str]) -> Iterator[Found]:
    begin, end = match.span(matcher.value)
    if begin < 0:
        return
    name = (match.group(matcher.name) or "").strip() if matcher.name is not None else ""
    name = name or matcher.metric or ""
    value = cut_out(line, begin, end, match.start(), match.end())
    if name and (value is not None or (name in asked and _has_digit(line[begin:end]))):
        yield Found(name, value)


def _blank(objectives: Iterable[str]) -> re.Pattern[str]:
    """A pattern for an objective followed by a word such as null or None instead of a number."""
    literal = "|".join(map(re.escape, sorted(objectives, key=len, reverse=True)))
    return re.compile(
        rf"(?<![\w./@-])(?<![a-z] )['\"]?({literal or '(?!)'})['\"]?\s*+[=:\uff1a]\s*+['\"<]?"
        r"(?:null|[Nn]one|NULL|n/?a|N/?A|nil|undefined|-{1,3}+)(?=['\">,;)}\]]|\s*$|\s+[^\W\d])"
    )


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _step(value: Number | None) -> float | None:
    if not isinstance(value, float):
        return None
    return value if 0 <= number(value) < LARGEST else None


def _all(data: bytes) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin <= len(data):
        end = data.find(b"\n", begin)
        end = len(data) if end < 0 else end
        yield begin, end
        begin = end + 1


def _places(sign: re.Pattern[bytes], data: bytes) -> Callable[[int], int]:
    def following(start: int) -> int:
        found = sign.search(data, start)
        return found.start() if found else -1

    return following


def _found(needle: bytes, data: bytes) -> Callable[[int], int]:
    return lambda start: data.find(needle, start)
