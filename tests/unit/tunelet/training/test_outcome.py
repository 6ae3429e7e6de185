"""The outcome of an attempt, from the end and the output of its process."""

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from tests.contracts.launchers import STDOUT as METRICS
from tunelet.core.trial import Outcome, Verdict
from tunelet.training import outcome as verdict
from tunelet.training.metrics import Parser


def outcome(printed: str, objective: str = "objective", **metrics: Any) -> Outcome:
    """Of a training that printed this and exited with 0."""
    read = replace(METRICS, objectives=(objective,), **metrics)
    parser = Parser(read)
    parser.feed(printed.encode())
    parser.close()
    return verdict.exited(0, read, parser.values, printed, parser.remarks())


def reason(printed: str, objective: str = "objective", **metrics: Any) -> str:
    ended = outcome(printed, objective, **metrics)
    assert ended.verdict is Verdict.FAIL
    assert f"gave no value of {objective!r}" in (ended.reason or "")
    return ended.reason or ""


def test_the_reason_of_a_missing_objective_names_the_metrics_that_were_there() -> None:
    said = reason("val_loss=0.5\nTest Accuracy=0.93\n", "accuracy")
    assert 'did you mean "Accuracy"?' in said
    assert "found: Accuracy, val_loss" in said
    assert 'did you mean "val_loss"?' in reason("val_loss=0.5\nlr=0.1\n", "loss")


def test_the_metrics_that_were_there_are_not_listed_without_end() -> None:
    said = reason("".join(f"a{n}=1\n" for n in range(500)) + "Accuracy=1\n", "accuracy")
    assert "found: Accuracy, a0" in said
    assert said.endswith("…")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("objective=0.935%", "a percent sign follows the number"),
        ("epoch 3 objective: 93.5 % done", "a percent sign follows the number"),
        ("objective=0,35", "a number has no comma"),
        ("objective=1,234.5", "a number has no comma"),
        ("objective=1 234", "its digits are in groups"),
        ("objective: 1\u202f234", "its digits are in groups"),
        ("objective=3ms", "a unit or a letter follows the number"),
        ("objective: 9332/13036", "a fraction is not a number"),
        ("objective: 0.5 -> 0.4", "an expression follows, or a range"),
        ("objective: 12:30:15", "a time is not a number"),
        ("objective: high", "no number follows the name"),
        ("the objective is 0.5", "there is neither = nor : between the name and a number"),
        ("Objective is 0.5", "there is neither = nor : between the name and a number"),
        ("objective=1 objective=2", "several numbers follow that name in the line"),
        ("0.93", 'it does not name "objective"'),
    ],
)
def test_the_reason_quotes_the_nearest_line_and_its_fault(line: str, why: str) -> None:
    said = reason(f"chatter 5\n{line}\n" + ("more 7\n" if "bjective" in line else ""))
    assert f'nearest line: "{line.replace(chr(0x202F), " ")}" ({why}' in said


PROPOSED = re.compile(r'"metrics": (\{.*\}\})')


@pytest.mark.parametrize(
    ("line", "objective", "value"),
    [
        ("Test Accuracy=93.5%", "accuracy", 93.5),
        (
            "2024-03-01 INFO Epoch 3 Eval: Val-Loss: 0.216253, Acc: 71.59% (9332/13036)",
            "Acc",
            71.59,
        ),
        ("the loss is 0.5", "loss", 0.5),
        ("loss 0.5 acc 0.9", "acc", 0.9),
        ("latency: 3ms", "latency", 3.0),
        ("| loss | 0.5 | 0.4 |", "loss", 0.5),
        ("0.93", "objective", 0.93),
    ],
)
def test_the_pattern_that_the_reason_proposes_reads_the_line(
    line: str, objective: str, value: float
) -> None:
    proposed = PROPOSED.search(reason(line, objective))
    assert proposed
    ended = outcome(line, objective, **json.loads(proposed[1]))
    assert ended.values[objective] == value


def test_no_pattern_is_proposed_that_would_cut_a_number() -> None:
    for line in ("objective=0,35", "objective=1,234.5", "objective: 1 234", "objective: 1/3"):
        assert "a pattern that reads it" not in reason(line)


def test_the_reason_names_other_settings_that_read_the_line() -> None:
    assert "without metrics.pattern it is read" in reason(
        "objective: 0.5", pattern=r"(?P<name>\w+)=(?P<value>\S+)"
    )
    assert 'with "format": "text" it is read' in reason("objective: 0.5", format="json")


def test_the_reason_names_the_metrics_that_an_ambiguous_name_means() -> None:
    said = reason("train loss: 0.5\nval loss: 0.4\n", "loss")
    assert 'ask for "train loss" or "val loss"' in said


def test_a_quoted_line_is_short_and_printable() -> None:
    said = reason("x" * 5000 + "\x07\x1b[31m objective=5%" + "y" * 5000)
    assert "objective=5%" in said
    assert said.isprintable()
    assert len(said) < 1500


def test_a_limit_that_was_met_is_named_though_the_trial_is_complete() -> None:
    ended = outcome("".join(f"m{n}=1\n" for n in range(1100)) + "objective=1\n")
    assert ended.verdict is Verdict.COMPLETE
    assert "only the first 1,000 metrics" in (ended.reason or "")
    assert outcome("objective=1\n").reason is None


def test_the_usual_output_of_users_is_read() -> None:
    """The shortest outputs of reported troubles, each with the metric that was asked for."""
    for printed, objective, value in (
        ("recall@10=0.31 ndcg@10=0.22 hit_rate=0.4", "ndcg@10", 0.22),
        ("objective=np.float64(0.93)\n{'objective': np.float64(0.93)}", "objective", 0.93),
        ("Eval:\nobjective: 0.083\nacc_avg: 0.979", "objective", 0.083),
        ("{'eval_loss': 0.35, 'eval_accuracy': 0.91, 'epoch': 1.0}", "eval_accuracy", 0.91),
        ('{"epoch": 1, "eval": {"loss": 0.2, "acc": 0.9}}', "eval.loss", 0.2),
        ("Test Accuracy=0.93", "Test Accuracy", 0.93),
    ):
        assert outcome(printed, objective).values[objective] == value
    for printed in ('{"eval": {"loss": 0.2}}', "{'eval': {'loss': 0.2}}"):
        assert outcome(printed, "eval.loss", format="json").values == {"eval.loss": 0.2}


def test_the_value_is_the_newest_and_not_the_best() -> None:
    assert outcome("acc=0.995\nacc=0.5", "acc").values == {"acc": 0.5}
