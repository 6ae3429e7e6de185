"""Numbers as any locale or formatter writes them: each is read rightly, or not at all.

A line is made around a number of which the true value is known; the reader does not share a line
of code with what makes it.
"""

# ruff: noqa: RUF001 (the signs of other scripts are meant)

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import number
from tunelet.training.metrics import Parser

GROUPS = [",", ".", " ", "'", "’", "_", "\u00a0", "\u202f", "\u2009", "٬", "·", "˙"]
POINTS = [".", ",", "٫", "·"]
DIGITS = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９"]
SUFFIXES = [
    *("%", " %", "\u00a0%", "‰", "s", "ms", " ms", " s", "GB", " GB", "k", "M", "€", "°", "x"),
    *("e", "e+", "/3", " / 7", "-2", "–9", ":30", ".5.1", "j", "+2j", "×10³", "…", "...", "(5)"),
]
MINUSES = ["−", "--", "+-", "–"]
NAMES = ["loss", "ndcg@10", "val/loss", "Test Accuracy", "mAP@[.5:.95]", "Genauigkeit-ä", "损失"]


class Numeral(NamedTuple):
    text: str
    value: float
    plain: bool
    """A reader has to find it."""


@st.composite
def plain(draw: st.DrawFn) -> Numeral:
    value = draw(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9))
    form: Callable[[Any], str] = draw(
        st.sampled_from([repr, "{:.4f}".format, "{:e}".format, "{:+g}".format, "{:.3E}".format])
    )
    text = form(value)
    return Numeral(text, float(text), plain=True)


@st.composite
def grouped(draw: st.DrawFn) -> Numeral:
    """With separators of thousands, or of lakhs and crores, and any decimal point."""
    whole = str(draw(st.integers(1000, 10**12)))
    fraction = draw(st.text("0123456789", max_size=5))
    size = draw(st.sampled_from([3, 2]))
    parts = [whole[-3:]]
    rest = whole[:-3]
    while rest:
        parts.insert(0, rest[-size:])
        rest = rest[:-size]
    group = draw(st.sampled_from(GROUPS))
    point = draw(st.sampled_from([each for each in POINTS if each != group]))
    text = group.join(parts) + (point + fraction if fraction else "")
    value = float(f"{whole}.{fraction or 0}")
    # 1.234 is a plain number to any reader; a German who means 1234 has to say so.
    return Numeral(text, value, plain=False)


@st.composite
def decimal(draw: st.DrawFn) -> Numeral:
    """With another decimal point than that of programs."""
    whole, fraction = (
        draw(st.integers(0, 9999)),
        draw(st.text("0123456789", min_size=1, max_size=6)),
    )
    point = draw(st.sampled_from([each for each in POINTS if each != "."]))
    return Numeral(f"{whole}{point}{fraction}", float(f"{whole}.{fraction}"), plain=False)


@st.composite
def suffixed(draw: st.DrawFn) -> Numeral:
    """Text that is not a number by itself, so that a reader cannot know the true value."""
    number, suffix = draw(plain()), draw(st.sampled_from(SUFFIXES))
    return Numeral(number.text + suffix, float("nan"), plain=False)


@st.composite
def foreign(draw: st.DrawFn) -> Numeral:
    """In digits of another script, or with another minus."""
    number = draw(plain())
    if draw(st.booleans()):
        minus = draw(st.sampled_from(MINUSES))
        return Numeral(minus + number.text.lstrip("+-"), -abs(number.value), plain=False)
    digits = draw(st.sampled_from(DIGITS[1:]))
    text = number.text.translate(str.maketrans(DIGITS[0], digits))
    return Numeral(text, number.value, plain=False)


NUMERALS = st.one_of(plain(), grouped(), decimal(), suffixed(), foreign())
BEFORE = st.sampled_from(
    ["", "2024-03-01 12:30:15,123 INFO ", "epoch 3: ", "[1/5] - ", "{", "n=3, "]
)
SEPARATORS = st.sampled_from(["=", ": ", " = ", ":", " : ", "：", "=\t"])
AFTER = st.sampled_from(
    ["", ", n: 2", " - b: 0.5", "; done", "}", "]", " (best)", "\tend", " |", "."]
)


def read(line: str, name: str, pattern: Any = None) -> float | None:
    parser = Parser(MetricsSource(pattern=pattern, objectives=(name,)))
    parser.feed(line.encode() + b"\n")
    return number(parser.values[name]) if name in parser.values else None


def as_python(text: str) -> bool:
    """Whether the text is a number to programs: then it is the one that they mean."""
    return bool(re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text))


@given(NUMERALS, st.sampled_from(NAMES), BEFORE, SEPARATORS, AFTER)
@example(Numeral("1.234", 1234.0, plain=False), "loss", "", "=", "")
@example(Numeral("1.798E+308", float("inf"), plain=True), "loss", "", "=", "")
def test_a_value_is_right_or_absent(
    numeral: Numeral, name: str, before: str, separator: str, after: str
) -> None:
    found = read(f"{before}{name}{separator}{numeral.text}{after}", name)
    if numeral.plain:
        assert found == float(numeral.text)
    elif as_python(numeral.text):
        assert found in (None, float(numeral.text))
    else:
        assert found in (None, numeral.value)


PATTERNS = [
    r"{}\s*[=:]\s*(?P<value>[-+.\de]+)",
    r"{}\W*(?P<value>[\d.]+)",
    r"{}\W*?(?P<value>\d+)",
    r"{}\s*[=:：]\s*(?P<value>\S+)",
    r"{}\D*(?P<value>\d+)[.,]",
    r"{}.*?(?P<value>[-+]?[0-9]*\.?[0-9]+)",
    r"{}[=:\s]+(?P<value>\d+[.]?\d*)\s?",
    r"{}.{{0,3}}?(?P<value>\d.*\d)",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(NUMERALS, SEPARATORS, AFTER.filter(lambda after: not re.search(r"\d", after)))
def test_a_value_of_a_users_pattern_is_right_or_absent(
    pattern: str, numeral: Numeral, separator: str, after: str
) -> None:
    found = read(f"loss{separator}{numeral.text}{after}", "loss", pattern.format("loss"))
    right = {numeral.value}
    if as_python(numeral.text):
        right.add(float(numeral.text))
    assert found is None or found in right


@given(
    st.lists(st.tuples(NUMERALS, BEFORE, AFTER), max_size=6),
    st.lists(st.integers(0, 400), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_however_the_output_is_cut_the_values_and_the_remarks_are_the_same(
    lines: list[tuple[Numeral, str, str]], cuts: list[int], end: str
) -> None:
    data = end.join(f"{before}loss={n.text}{after}" for n, before, after in lines).encode()
    whole = Parser(MetricsSource(objectives=("loss", "accuracy"), step="n"))
    parts = Parser(MetricsSource(objectives=("loss", "accuracy"), step="n"))
    whole.feed(data)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, stop in pairwise(edges):
        parts.feed(data[begin:stop])
    whole.close()
    parts.close()
    assert parts.values == whole.values
    assert parts.reports == whole.reports
    assert parts.remarks() == whole.remarks()
