"""Remarks for the reason of an outcome: on objectives without a value, and on reached limits.

They quote the line that was nearest to a value, with the reason why it does not count, and name the
metrics that were found. They propose a pattern only if it reads the objective from that line.
"""

# ruff: noqa: RUF001 (the signs of other scripts are meant)

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.training.numerals import AND_MORE, END, NUMBER, PERCENT, UNIT, measured
from tunelet.training.objects import objects_in
from tunelet.training.tables import VALUE, column

QUOTED = 200
"""The most characters of a line that are quoted."""
LONGEST = 1500
_BEFORE = 60
_SEEN = 500
"""The characters after a name in which its value is searched."""
_NAMES = 10
_NAME = 60
_LONGEST_PROPOSAL = 200

_NONE = "no number follows the name"
_UNSEPARATED = "there is neither = nor : between the name and a number"
_HEADER = "it is the header of a table"
_SEPARATED = lazy_pattern(r"['\"]?\s*+(?:[=:：]|(?<=\s)[│┃|])\s*+['\"]?")
_END = lazy_pattern(END)
_SOME_NUMERAL = lazy_pattern(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SEVERAL = "several numbers follow that name in the line"
_LONGER = "there it is part of a longer name"
_AND_MORE = lazy_pattern(AND_MORE)
_REASONS = (
    (rf"\s*[{PERCENT}]", "a percent sign follows the number"),
    (r"\s*[‰‱]", "a per mille sign follows the number"),
    (r"[,٫]\d", "a number has no comma: print a decimal point and no thousands separator"),
    (
        r" \d{3}(?!\d)|['’_.\u00a0\u2009\u202f]\d",
        "its digits are in groups: print them without separators",
    ),
    (AND_MORE, _SEVERAL),
    (r"\s*/\s*\d", "a fraction is not a number"),
    (rf"[A-Za-zµμ°]|\s{UNIT}", "a unit or a letter follows the number"),
    (r"\s*(?:->|=>|→|[-+*^×–—])", "an expression follows, or a range"),
    (r":\d", "a time is not a number"),
)

_WHOLE = lazy_pattern(rf"(?<![\w./^])(?<!\d,){_SOME_NUMERAL.pattern}(?![\d_])")
_AT_ONCE = lazy_pattern(
    r"['\"*`)\]]{0,2}\s*+(?:[=:：~≈|,;\t><]|-(?![.\d])){0,3}\s*+['\"*`(\[]{0,2}"
)
_OF_INDEX = lazy_pattern(r"\s?[)\]]\s*+(?:[=:：]\s*+)?[-+.\d]|\s*+(?:=\s*+|:\s++)[-+.\d]")
"""The text after a number that belongs to the name: loss[0]=0.5, loss 3: 0.5."""
_AFTER_BRACKET = lazy_pattern(r"[\])]\s*[=:：]\s*+(?=[-+.\d])")
_AFTER_WORD = lazy_pattern(r"\w\s?[=:：]\s*+(?=[-+.\d])")
_IN_PERCENT = lazy_pattern(rf"(?<=[(\[]){NUMBER}(?=\s?[{PERCENT}][)\]])")
_LISTED = lazy_pattern(r"\s*,\s*[-+.\d]")
_INDEX = lazy_pattern(r"\s*\[\d+\]\s+(?=[-+.\d])")
_UNIT_AFTER = lazy_pattern(
    rf"\*{{1,2}}(?![\s\w.+-])|\s*\+\s*{NUMBER}(?![\w.,])|\s?[{PERCENT}‰](?!\|)|(?:[A-Za-zµ]+|\s{UNIT})(?!\s*[=:,]?\s*[-+]?[.\d])"
)

Reads = Callable[[MetricsSource, str, str], Number | None]
"""Returns the value that some settings find in a line for a metric."""


class _Near(NamedTuple):
    rank: int
    line: str
    why: str
    name: tuple[int, int]
    """The span of the name in the line."""


class Remarks:
    """The remarks on one output. `reads` tries settings on a line."""

    def __init__(self, metrics: MetricsSource, reads: Reads) -> None:
        self._metrics = metrics
        self._reads = reads
        self._objectives = {name: name.lower() for name in metrics.objectives}
        self._near: dict[str, _Near] = {}
        self._blank: dict[str, None] = {}
        self._limits: dict[str, None] = {}

    def limit(self, text: str) -> None:
        """Note that a limit was reached."""
        self._limits[text] = None

    def blank(self, name: str) -> None:
        """Note a line that names the metric and says that it has no number."""
        self._blank[name] = None

    def seen(self, metrics: Iterable[str]) -> None:
        """Note that these metrics have a number again."""
        if self._blank:
            for name in metrics:
                self._blank.pop(name, None)

    def note(self, line: str, values: Mapping[str, Number]) -> None:
        """Keep the line if it is near to a value of an objective that has none."""
        for name, folded in self._objectives.items():
            if name not in values and folded in line.lower():
                near, known = _nearness(line, name), self._near.get(name)
                if near is not None and (known is None or near.rank >= known.rank):
                    self._near[name] = near._replace(why=self._why(near, name))

    def _why(self, near: _Near, name: str) -> str:
        """Why the line does not count with the present settings."""
        if near.why not in (_SEVERAL, _UNSEPARATED, _NONE, _LONGER):
            return near.why
        if self._metrics.json:
            objects, rest = objects_in(near.line)
            if rest or not objects:
                return "it has no JSON object"
            return near.why if near.why == _NONE else f'its JSON object has no number "{name}"'
        if self._metrics.pattern and near.why != _NONE:
            end = near.name[1]
            numeral = _SOME_NUMERAL.search(near.line, end, end + QUOTED)
            ended = numeral is None or _END.match(near.line, numeral.end())
            unread = "metrics.pattern finds no complete number"
            return unread if ended or not numeral else _why(near.line, numeral.end())
        return near.why

    def text(
        self, missing: Mapping[str, Sequence[str]], values: Mapping[str, Number], recent: list[str]
    ) -> str:
        """Return all remarks as one text.

        `missing` has each objective without a value, with the longer names under which it was found
        if there are several. `values` has what was found, `recent` the last lines.
        """
        found = sorted(name for name in values if name != self._metrics.step)
        parts: list[str] = []
        for name, several in list(missing.items())[:2]:
            parts += self._of(name, several, found, recent)
        if missing and found:
            names = ", ".join(shown(each, _NAME) for each in _first(found, missing))
            parts.append(f"found: {names}{', …' if len(found) > _NAMES else ''}")
        parts += [
            f'"{shown(name, _NAME)}" has no number in the newest line that names it: '
            "its value is from an earlier line"
            for name in self._blank
            if name in values
        ]
        parts += [f"limit reached: {each}" for each in self._limits]
        return shown("; ".join(parts), LONGEST)

    def _of(
        self, name: str, several: Sequence[str], found: list[str], recent: list[str]
    ) -> Iterable[str]:
        if several:
            names = " or ".join(f'"{shown(each, _NAME)}"' for each in several)
            yield f'"{shown(name, _NAME)}" means several metrics: ask for {names}'
            return
        near = self._near.get(name)
        last = recent[-1].strip()
        table = column(near.line, near.name, recent) if near is not None else None
        if near is not None and table is not None:
            near = near._replace(why=_HEADER)
        if near is None and _SOME_NUMERAL.search(last):
            near = _Near(0, last, f'it does not name "{shown(name, _NAME)}"', (0, 0))
        if near is not None:
            yield f'nearest line: "{_quoted(near)}" ({near.why})'
        if like := similar(name, found):
            yield f'did you mean "{shown(like, _NAME)}"?'
        if table is not None:
            remedy = self._tried(name, table.line, table.pattern, table.numeral)
        else:
            remedy = self._remedy(name, near) if near is not None else None
        if remedy:
            yield remedy

    def _remedy(self, name: str, near: _Near) -> str | None:
        """Settings that read the line, tested on it."""
        plain = replace(self._metrics, pattern=None, format="text")
        if self._reads(plain, near.line, name) is not None:
            if self._metrics.pattern:
                return "without metrics.pattern it is read"
            return 'with "format": "text" it is read' if plain != self._metrics else None
        for pattern, numeral in _patterns(near):
            if remedy := self._tried(name, near.line, pattern, numeral):
                return remedy
        return None

    def _tried(self, name: str, line: str, pattern: str, numeral: str) -> str | None:
        """The pattern as settings, if it reads the number in that line."""
        if len(pattern) > _LONGEST_PROPOSAL:
            return None
        written: dict[str, Any] = {"format": "text", "pattern": {name: pattern}}
        if self._reads(replace(self._metrics, **written), line, name) != measured(numeral):
            return None
        if not self._metrics.json:
            del written["format"]
        text = json.dumps(written, ensure_ascii=False)
        return f'a pattern that reads it as {numeral}: "metrics": {text}'


def similar(name: str, found: Sequence[str]) -> str | None:
    """Return the name in `found` that is most similar to `name`; None if none is."""
    folded: dict[str, str] = {}
    for each in found:
        folded.setdefault(each.casefold(), each)
    if name.casefold() in folded:
        return folded[name.casefold()]
    # Imported only if a value is missing: it needs memory, and every pod has a collector.
    import difflib

    like = difflib.get_close_matches(name.casefold(), list(folded)[:500], 1, 0.6)
    inside = [each for each in folded if name.casefold() in each]
    return folded[like[0]] if like else folded[inside[0]] if inside else None


def shown(text: str, longest: int) -> str:
    """Return the text with printable characters only, cut to `longest` characters."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in cut)


def _first(found: Sequence[str], missing: Iterable[str]) -> list[str]:
    """Some of the names; those similar to missing ones come first."""
    like = [each for name in missing if (each := similar(name, found)) is not None]
    return list(dict.fromkeys([*like, *found]))[:_NAMES]


def _quoted(near: _Near) -> str:
    begin = max(0, near.name[0] - _BEFORE) if len(near.line) > QUOTED else 0
    return shown(("…" if begin else "") + near.line[begin:].strip(), QUOTED)


def _nearness(line: str, name: str) -> _Near | None:
    places = [
        each.span()
        for each in re.finditer(rf"(?i:(?<!\w){re.escape(name)}(?!\w))", line[: 1 << 16])
    ]
    ranked = [_judged(line, name, *place) for place in places[:16]]
    return max(ranked, key=lambda near: near.rank) if ranked else None


def _judged(line: str, name: str, begin: int, end: int) -> _Near:
    exact = line[begin:end] == name
    place = (begin, end)
    between = _SEPARATED.match(line, end)
    numeral = _SOME_NUMERAL.match(line, between.end()) if between else None
    if between and numeral:
        if not exact:
            return _Near(3, line, f'"{line[begin:end]}" is not "{name}"', place)
        why = _why(line, numeral.end())
        if why == _SEVERAL and not (_AND_MORE.match(line, numeral.end()) or line.count(name) > 1):
            why = _LONGER
        return _Near(4, line, why, place)
    if between:
        return _Near(1 + exact, line, _NONE, place)
    if _SOME_NUMERAL.search(line, end, end + QUOTED):
        return _Near(1 + exact, line, _UNSEPARATED, place)
    return _Near(0, line, _NONE, place)


def _why(line: str, end: int) -> str:
    if _END.match(line, end) and not re.match(r" [0-9]{3}(?![0-9])", line[end:]):
        return _SEVERAL
    for pattern, why in _REASONS:
        if re.compile(pattern).match(line, end):
            return why
    after = shown(line[end : end + 10].strip(), 10)
    return f'the text after it does not end a number: "{after}"'


def _patterns(near: _Near) -> Iterable[tuple[str, str]]:
    """Patterns that may read the value of the name, each with the numeral that it should read."""
    begin, end = near.name
    line = near.line[: end + _SEEN]
    name = line[begin:end]
    first = (r"\b" if re.match("[A-Za-z0-9_]", name) else "") + re.escape(name)
    for place in _places(line, end) if name else _alone(line):
        numeral = _WHOLE.match(line, place)
        if numeral is None:
            continue
        before = line[end:place]
        after = _UNIT_AFTER.match(line, numeral.end())
        # A deviation after a mean begins with a plus sign, which VALUE would match.
        unit = r"\+".join(map(_literal, after[0].split("+", 1))) if after else ""
        written = f"{_literal(before)}{VALUE}{unit}"
        yield (
            (f"{first}{written}" if name else f"^{written}{'$' if not before else ''}"),
            numeral[0],
        )


def _places(line: str, end: int) -> Iterable[int]:
    """Possible starts of the value of the name that ends at `end`, the likeliest first."""
    at_once = _AT_ONCE.match(line, end)
    numeral = _SOME_NUMERAL.match(line, at_once.end()) if at_once else None
    if numeral and not _OF_INDEX.match(line, numeral.end()):
        yield numeral.start()
    else:
        yield from [each.end() for each in _AFTER_BRACKET.finditer(line, end)][-1:]
        named = [each.end() for each in _AFTER_WORD.finditer(line, end)]
        if named:
            yield from named if len(named) == 1 else ()
        elif (whole := _WHOLE.search(line, end)) and not _LISTED.match(line, whole.end()):
            yield whole.start()
    yield from (each.start() for each in _IN_PERCENT.finditer(line, end))


def _alone(line: str) -> Iterable[int]:
    """The start of the only number in a line that does not name the metric; empty if several."""
    index = _INDEX.match(line)
    numerals = [each.start() for each in _SOME_NUMERAL.finditer(line, index.end() if index else 0)]
    return numerals if len(numerals) == 1 else []


def _literal(text: str) -> str:
    """A pattern for RE2 that matches the text, with any other blanks and numbers in it."""
    parts = re.findall(rf"\s+|(?<!\w){NUMBER}(?!\w)|\d+|[^\s\d]", text)
    return "".join(
        r"\s+" if part.isspace() else r"[-+.\w]+" if measured(part) is not None else re.escape(part)
        for part in parts
    )
