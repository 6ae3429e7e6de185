r"""Metrics in a line of text: a name, `=` or `:`, and a number.

The reader accepts the usual output of frameworks: `loss=0.5`, `loss: 0.5, acc: 0.9`, dictionaries
of Python and JSON (nested ones as `eval.loss`), numbers in quotes, numbers in the notations of
numpy, torch, JAX and TensorFlow, and rows of tables with two columns. `--lr=0.1` is an echoed
argument, not a metric.

A requested name is found as it is written, with blanks, brackets and colons. `val loss: 0.4` is not
the metric `loss` if that also occurs alone (`tunelet.training.agreement`).
"""

# ruff: noqa: RUF001 (the signs of other scripts are meant)

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from tunelet.core.trial import Number, plain
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.training.numerals import END, NUMBER, ungrouped

_CALL = (
    r"(?:[a-z_]++\d?\.){0,3}+(?:float(?:16|32|64|128|_)|bfloat16|double|half|single|longdouble"
    r"|u?int(?:8|16|32|64)|array|tensor|Tensor|Array|DeviceArray|Decimal|mpf)\(\s*+"
)
_MORE = r"(?:\s*+,\s*+[a-z_]++=(?:[^()]|\([^()]{0,80}+\)){0,200}+)?+\s*+\)"
_VALUE = (
    rf"(?:({NUMBER}){END}"
    rf"|'({NUMBER})'{END}|\"({NUMBER})\"{END}"
    rf"|{_CALL}['\"]?+({NUMBER})['\"]?+{_MORE}{END}"
    rf"|{_CALL}\[++({NUMBER})\]++{_MORE}{END}|\[++({NUMBER})\]++{END}"
    rf"|<tf\.[A-Z][^<>]{{0,200}}?numpy=(?:array\(\[++)?+({NUMBER})(?:\]++{_MORE})?+>{END}"
    r"|(?=[^\w\s\[{]{0,3} ?(?:[.,]?\d|∞"
    r"|(?i:nan|inf(?:inity)?)(?!\w)))()"
    rf"|(?={_CALL}[^\d\n]{{0,8}}+\d)())"
)
# A colon directly before an integer is usually part of a port, a time or a line number.
_NAME = (
    r"([^\W\d][\w./@-]*+)(?:\s*+=\s*+|\s*+:\s++|\s*+：\s*+"
    r"|:(?=[+-]?[0-9]*+\.[0-9]|[+-]?(?i:nan|inf)))"
)
_KEY = r"(?:'([^'\n]{1,128}+)'|\"([^\"\n]{1,128}+)\")\s*+[:=]\s*+"
_PAIR = r"({})(?:=|: )([+-]?[0-9]++(?:\.[0-9]*+)?+(?:[eE][+-]?[0-9]++)?+)(?:,? (?=[A-Za-z_])|$)"
_PLAIN_NAME = r"[A-Za-z_][A-Za-z0-9_./]*+"
_PAIRS = lazy_pattern(_PAIR.format(_PLAIN_NAME))
_PLAIN = lazy_pattern(rf"(?:{_PAIR.format(_PLAIN_NAME)})+")
"""The usual line: names and numbers, and nothing that might be mistaken for a number."""
_BARE, _REFUSED = 5, 12
"""The group of a bare number, and the first group of a number that cannot be read."""
_NOT_WITHIN = r"(?<![\w./@-])"
_SCOPE = lazy_pattern(r"(?:'([^'{}\n]{1,128}+)'|\"([^\"{}\n]{1,128}+)\")\s*+:\s*+\{|([{}])")
_NESTED = lazy_pattern(r"['\"]\s*+:\s*+\{")
_BARS = lazy_pattern("[│┃|]")
_NUMBER = lazy_pattern(NUMBER)
_DIGIT = lazy_pattern(r"\d")
_QUALIFIER = lazy_pattern(
    r"[^\w\s]*+(?:train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|eval(?:uation)?|dev|best|mean|avg"
    r"|average|total|min(?:imum)?|max(?:imum)?|lowest|highest|target|prev(?:ious)?|initial|old"
    r"|baseline|running|smoothed|ema)(?:_?\d{1,3})?(?:['’]s)?[)\]:]?",
    re.IGNORECASE,
)
_QUALIFIERS_LENGTH = 48


class Found(NamedTuple):
    name: str
    value: Number | None
    """None: the text begins like a number but is not one."""
    qualifier: str = ""
    """The words before a requested name: `val` in `val loss`."""


class Reader:
    """Finds metrics in text. It finds the requested names in `asked` whatever their characters."""

    def __init__(self, asked: Sequence[str]) -> None:
        literal = "|".join(map(re.escape, sorted(asked, key=len, reverse=True)))
        names = rf"(?:({literal or '(?!)'})\s*+[=:：]\s*+|{_NAME})"
        self._found = re.compile(rf"(?:{_NOT_WITHIN}{names}|(?<!\w){_KEY}){_VALUE}")
        self._asked = frozenset(asked)
        self._plain = all(re.fullmatch(_PLAIN_NAME, name) for name in asked)

    def read(self, line: str) -> list[Found]:
        """Return what the line has, in its order."""
        if self._plain and _PLAIN.fullmatch(line):
            pairs = _PAIRS.findall(line)
            return [Found(name, plain(float(numeral))) for name, numeral in pairs]
        scopes = _scopes(line) if "{" in line and _NESTED.search(line) else None
        asked, found = self._asked, list[Found]()
        for match in self._found.finditer(line):
            # The last group that matched is the number's.
            form = match.lastindex or _REFUSED
            numeral = match[form]
            if form == _BARE and not ungrouped(line, numeral, match.end()):
                numeral = ""
            name = match[1] or match[2] or match[3] or match[4]
            if scopes is not None:
                name = _prefix(scopes, match.start()) + name
            if name in asked:
                value = plain(float(numeral)) if numeral else None
                quoted = match[1] is None and match[2] is None
                found.append(Found(name, value, "" if quoted else _qualifier(line, match.start())))
            elif numeral:
                found.append(Found(name, plain(float(numeral))))
        if "|" in line or "│" in line or "┃" in line:
            found += self._row(line)
        return found

    def _row(self, line: str) -> list[Found]:
        """The metric in a row of a table with two columns."""
        before, *cells = [cell.strip() for cell in _BARS.split(line, 3)]
        if before or len(cells) != 3 or not cells[0] or cells[2]:
            return []
        name, numeral, _ = cells
        if _NUMBER.fullmatch(numeral):
            return [Found(name, plain(float(numeral)))]
        return [Found(name, None)] if name in self._asked and _DIGIT.search(numeral) else []


def _scopes(line: str) -> tuple[list[int], list[str]]:
    """Places in the line, and the prefix of names from each on: those of the outer dictionaries."""
    places, prefixes, open_ones = [0], [""], list[str]()
    for match in _SCOPE.finditer(line):
        if match[3] == "}":
            if open_ones:
                open_ones.pop()
        else:
            key = match[1] or match[2]
            # The key before the outermost dictionary is not part of a name.
            inner = open_ones[-1] if open_ones else ""
            open_ones.append(f"{inner}{key}." if key and open_ones else inner)
        places.append(match.end())
        prefixes.append(open_ones[-1] if open_ones else "")
    return places, prefixes


def _prefix(scopes: tuple[list[int], list[str]], place: int) -> str:
    places, prefixes = scopes
    return prefixes[bisect_right(places, place) - 1]


def _qualifier(line: str, place: int) -> str:
    if line[place - 1 : place] != " ":
        return ""
    words: list[str] = []
    for word in reversed(line[max(0, place - _QUALIFIERS_LENGTH) : place - 1].split(" ")[-3:]):
        if not _QUALIFIER.fullmatch(word):
            break
        words.insert(0, word)
    return " ".join(words)
