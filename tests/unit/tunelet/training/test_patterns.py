"""A user's own patterns: unexpected numbers replace an earlier value."""

import time

import pytest

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number
from tunelet.training.metrics import Parser
from tunelet.training.regex import ALONE, NAMED


def value(text: str, pattern: object, name: str = "accuracy") -> Number | None:
    parser = Parser(MetricsSource(objectives=(name,), pattern=pattern))
    parser.feed(text.encode())
    parser.close()
    return parser.values.get(name)


PATTERNS = [
    r"accuracy: (?P<value>[\d.]+)",
    r"accuracy: (?P<value>\d+\.\d+)",
    r"(?P<name>\w+): (?P<value>[-+.\de]+)$",
    {"accuracy": r"accuracy:\s+(-?\d\S+)"},
    NAMED,
    ALONE,
]


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("later", ["nan", "NaN", "-nan", "+NAN"])
def test_a_pattern_for_digits_sees_that_a_training_diverged(pattern: object, later: str) -> None:
    assert value(f"accuracy: 0.5\naccuracy: {later}", pattern) == "NaN"


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize("later", ["inf", "Infinity", "-inf", "-Infinity"])
def test_a_pattern_for_digits_sees_infinity_with_its_sign(pattern: object, later: str) -> None:
    expected = "-Infinity" if later.startswith("-") else "Infinity"
    assert value(f"accuracy: 0.5\naccuracy: {later}", pattern) == expected


@pytest.mark.parametrize(
    "later", ["1,050.5", "1,050", "1'050.5", "1_050", "0,7", "1 050.5", "1\u202f050.5", "1.050,5"]
)
@pytest.mark.parametrize("pattern", PATTERNS[:2] + PATTERNS[-1:], ids=str)
def test_a_number_in_another_form_leaves_no_earlier_value(pattern: object, later: str) -> None:
    assert value(f"accuracy: 950.5\naccuracy: {later}", pattern) is None
    assert value(f"accuracy: 950.5\naccuracy: {later}\naccuracy: 7.5", pattern) == 7.5


def test_a_bare_number_in_another_form_leaves_no_earlier_value() -> None:
    assert value("950.5\n1,050.5\n", r"^(?P<value>[\d.]+)$") is None


def test_text_that_a_pattern_does_not_mean_leaves_the_value() -> None:
    pattern = r"accuracy: (?P<value>[\d.]+)"
    for later in ("loss: nan", "nan accuracy", "3,4", "accuracy: high", "Accuracy: inf"):
        assert value(f"accuracy: 0.5\n{later}", pattern) == 0.5
    assert value("accuracy: 0.5 loss: nan 1,050", pattern) == 0.5


@pytest.mark.parametrize(
    ("line", "pattern", "expected"),
    [
        ("7,0.5,0.25,0.93", r"^[^,]*,[^,]*,[^,]*,(?P<value>[\d.]+)$", 0.93),
        ("7,0.5,0.25,0.93", r"^[^,]*,(?P<value>[\d.]+),", 0.5),
        ("7;0.5;0.25", r"^[^;]*;(?P<value>[\d.]+);", 0.5),
        ("accuracy=0,35", r"accuracy=\d+,(?P<value>\d+)", None),
        ("accuracy=1,234.5", r"accuracy=\d+,(?P<value>[\d.]+)", None),
        ("accuracy=1,234.5", r"accuracy=(?P<value>\d+),\S+", None),
        ("accuracy=1.234,5", r"accuracy=(?P<value>[\d.]+),\d+", None),
        ("accuracy=1,23,456.7", r"accuracy=\d+,\d+,(?P<value>[\d.]+)", None),
        ("test-accuracy:0.93+0.01", r"test-accuracy:(?P<value>[\d.]+)\+[\d.]+", 0.93),
        ("accuracy:0.93+0.01j", r"accuracy:(?P<value>[\d.]+)\+[\d.]+", None),
        ("accuracy:0.93+102", r"accuracy:(?P<value>[\d.]+)\+\d+", None),
        ("accuracy:0.93+0.01", r"accuracy:(?P<value>[\d.]+)", None),
    ],
)
def test_columns_are_distinguished_from_parts_of_a_number(
    line: str, pattern: str, expected: float | None
) -> None:
    assert value(line, pattern) == expected


@pytest.mark.parametrize("piece", ["nan ", "1,050 ", "accuracy: nan ", "1,"])
def test_many_such_numbers_in_a_line_take_linear_time(piece: str) -> None:
    parser = Parser(MetricsSource(objectives=("accuracy",), pattern=PATTERNS[0]))
    before = time.process_time()
    parser.feed(piece.encode() * (60_000 // len(piece)) + b"\n")
    assert time.process_time() - before < 1
