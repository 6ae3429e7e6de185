"""Users' own patterns: one, several, or one for each metric."""

from typing import Any

import pytest

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number
from tunelet.errors import Reject
from tunelet.training.metrics import Parser
from tunelet.training.regex import NAMED, matchers


def read(text: str, pattern: Any, *objectives: str, step: str = "step") -> dict[str, Number]:
    parser = Parser(
        MetricsSource(pattern=pattern, objectives=tuple(objectives or ["loss"]), step=step)
    )
    parser.feed(text.encode())
    parser.close()
    return parser.values


def test_all_matching_patterns_count() -> None:
    patterns = [r"(?P<name>loss) (?P<value>\S+)", r"(?P<name>acc)~(?P<value>\S+)"]
    assert read("loss 0.5 acc~0.9", patterns) == {"loss": 0.5, "acc": 0.9}


def test_each_metric_may_have_its_own_pattern() -> None:
    patterns = {"loss": r"L\((?P<value>[^)]+)\)", "Test acc": r"A\[(.+?)%\]"}
    assert read("L(0.5) A[93.5%]", patterns) == {"loss": 0.5, "Test acc": 93.5}


def test_a_bare_number_is_the_only_objective() -> None:
    assert read("begin\n0.93\n", r"^(?P<value>[\d.]+)$") == {"loss": 0.93}
    assert read("0.93", "(?P<name>)(?P<value>[0-9.]+)") == {"loss": 0.93}


def test_the_step_may_be_read_by_a_pattern() -> None:
    patterns = {"loss": r"loss (\S+)", "epoch": r"Epoch (\d+)/\d+"}
    parser = Parser(MetricsSource(pattern=patterns, objectives=("loss",), step="epoch"))
    parser.feed(b"Epoch 3/10\nloss 0.5\nEpoch 4/10\nloss 0.4\n")
    assert [report.step for report in parser.reports] == [3, 4]


def test_the_proposed_pattern_reads_the_usual_output_of_trainings() -> None:
    assert read("loss: 0.5, acc: 0.9", NAMED) == {"loss": 0.5, "acc": 0.9}
    assert read("acc: 93.5%", NAMED, "acc") == {"acc": 93.5}


def test_a_unit_counts_only_where_the_pattern_has_it_outside_of_the_value() -> None:
    assert read("loss: 93.5%", r"loss: (?P<value>[\d.]+)%") == {"loss": 93.5}
    assert read("loss: 3ms", r"loss: (?P<value>\d+)ms") == {"loss": 3.0}
    assert read("loss: 93.5%", r"loss: (?P<value>[\d.]+)") == {}
    assert read("loss: 0,35", r"loss: (?P<value>\d+).*") == {}
    assert read("loss: 0,35", r"loss: .*?(?P<value>\d+)$") == {}


def test_punctuation_after_a_value_is_left_out() -> None:
    for end in (",", ";", ".", ")", "'", '"', "],"):
        assert read(f"loss: 0.5{end}", r"(?P<name>\w+): (?P<value>\S+)") == {"loss": 0.5}


@pytest.mark.parametrize(
    ("pattern", "objectives", "field", "message", "remedy"),
    [
        ("(", ["loss"], "metrics.pattern", "is not a regular expression", "RE2"),
        (["x(?P<value>y)", "("], ["loss"], "metrics.pattern[1]", "regular expression", "RE2"),
        ({"loss": "("}, ["loss"], "metrics.pattern.loss", "regular expression", "RE2"),
        ({"loss": "x"}, ["loss"], "metrics.pattern.loss", "needs the group value", "(?P<value>"),
        ({"a": "(x)(y)"}, ["a"], "metrics.pattern.a", "just one group", "(?P<value>"),
        ("(?P<value>x)", ["a", "b"], "metrics.pattern", "several objectives", '{"a": "'),
        ("(?P<name>x)", ["a"], "metrics.pattern", "lacks the group value", "(?P<value>"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_its_place_and_a_remedy(
    pattern: Any, objectives: list[str], field: str, message: str, remedy: str
) -> None:
    with pytest.raises(Reject) as refused:
        matchers(pattern, objectives)
    (error,) = refused.value.errors
    assert error.field == field
    assert message in error.message
    assert remedy in error.remedy
