"""JSON in output: several objects in a line, other lines, members without a number."""

import msgspec
import pytest

from tunelet.core.metrics_source import MetricsSource
from tunelet.training.metrics import Parser


def parsed(text: str, **metrics: object) -> Parser:
    parser = Parser(
        msgspec.convert(
            {"format": "json", "step": "step", "objectives": ["loss"], **metrics}, MetricsSource
        )
    )
    parser.feed(text.encode())
    parser.close()
    return parser


@pytest.mark.parametrize(
    "line",
    [
        '{"loss": 0.5}{"loss": 0.4}',
        '{"loss": 0.5} {"loss": 0.4}',
        '[{"loss": 0.5}, {"loss": 0.4}]',
        '{} {"loss": 0.5} then {"loss": 0.4} done',
    ],
)
def test_all_objects_of_a_line_are_read(line: str) -> None:
    parser = parsed(line)
    assert [report.values for report in parser.reports] == [{"loss": 0.5}, {"loss": 0.4}]
    assert parser.values == {"loss": 0.4}


@pytest.mark.parametrize(
    "later",
    [
        *('{"loss": nan}', '{"loss": -inf}', '{"n": 1, "loss": 0,7}', '{"loss": .7}'),
        *('{"loss": 1.}', '{"loss": +1}', '{"loss": 0.7', 'INFO {"loss": 01}'),
        '{"n": 2}{"loss": nan}',
    ],
)  # fmt: skip
def test_an_invalid_object_leaves_no_earlier_value(later: str) -> None:
    parser = parsed(f'{{"loss": 0.5}}\n{later}')
    assert "loss" not in parser.values
    assert "nearest line: " in parser.remarks()
    assert parsed(f'{{"loss": 0.5}}\n{later}\n{{"loss": 0.25}}').values["loss"] == 0.25


def test_an_invalid_inner_object_leaves_no_earlier_value() -> None:
    lines = '{"eval": {"loss": 0.5}}\n{"eval": {"loss": nan}}'
    assert parsed(lines, objectives=["eval.loss"]).values == {}


def test_an_unreadable_constraint_leaves_no_earlier_value() -> None:
    lines = '{"loss": 1, "memory": 5}\n{"loss": 1, "memory": "1,050"}'
    assert parsed(lines, constraints=["memory"]).values == {"loss": 1.0}


@pytest.mark.parametrize("blank", ["null", '"N/A"', '"None"', '"-"', '""'])
def test_a_member_without_a_number_keeps_the_earlier_value_and_is_remarked(blank: str) -> None:
    parser = parsed(f'{{"loss": 0.5}}\n{{"loss": {blank}}}')
    assert parser.values == {"loss": 0.5}
    assert parser.remarks() == (
        '"loss" has no number in the newest line that names it: its value is from an earlier line'
    )
    again = parsed(f'{{"loss": 0.5}}\n{{"loss": {blank}}}\n{{"loss": 0.4}}')
    assert (again.values, again.remarks()) == ({"loss": 0.4}, "")


@pytest.mark.parametrize("blank", ["null", "None", "N/A", "n/a", "NA", "--", "-", "'-'", "<NA>"])
def test_a_text_without_a_number_keeps_the_earlier_value_and_is_remarked(blank: str) -> None:
    lines = f"loss: 0.5\nepoch=3 loss: {blank}, acc=1"
    parser = parsed(lines, format="text")
    assert parser.values["loss"] == 0.5
    assert parser.remarks().startswith('"loss" has no number in the newest line that names it')
    assert parsed(f"{lines}\nloss: 0.4", format="text").remarks() == ""


@pytest.mark.parametrize("line", ["Using loss: none", "val loss: None", "the loss: none"])
def test_a_line_that_only_mentions_the_name_causes_no_remark(line: str) -> None:
    parser = parsed(f"loss: 0.5\n{line}", format="text")
    assert (parser.values, parser.remarks()) == ({"loss": 0.5}, "")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"metrics": {"loss": 0.5}}', 'its JSON object has no number "loss"'),
        ('{"msg": "loss: 0.5"}', 'its JSON object has no number "loss"'),
        ('{"a": {"loss": 1}, "b": {"loss": 2}}', 'its JSON object has no number "loss"'),
        ("loss=0.5", "it has no JSON object"),
        ('  "loss": 0.5,', "it has no JSON object"),
        ('{"loss": nan}', "it has no JSON object"),
        ('{"loss": 0,7}', "a number has no comma"),
    ],
)
def test_the_reason_names_the_fault_of_a_line_of_json(line: str, why: str) -> None:
    assert f"({why}" in parsed(line).remarks()


@pytest.mark.parametrize("step", ["null", '"2/10"', "true", "-1", '"1,001"', "1e300"])
def test_a_step_that_cannot_be_read_does_not_hide_later_values(step: str) -> None:
    lines = (
        f'{{"step": 1, "loss": 3}}\n{{"step": {step}, "loss": 2}}\n{{"step": {step}, "loss": 1}}'
    )
    found = [(report.step, report.values["loss"]) for report in parsed(lines).reports]
    assert found == [(1, 3.0), (2, 2.0), (3, 1.0)]
