"""Remarks on an objective without a value: the proposed pattern reads exactly this value."""

# ruff: noqa: RUF001 (the signs of other scripts are meant)

import json
import re

import msgspec
import pytest

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number
from tunelet.training.metrics import Parser


def remarks(line: str, name: str, **metrics: object) -> tuple[str, Number | None]:
    """The remarks, and the value that the proposed settings find in the line."""
    said, parser = said_of(line, name, metrics)
    assert name not in parser.values
    _, _, proposal = said.partition('"metrics": ')
    if not proposal:
        return said, None
    written, _ = json.JSONDecoder().raw_decode(proposal)
    return said, said_of(line, name, written)[1].values[name]


def said_of(line: str, name: str, metrics: dict[str, object]) -> tuple[str, Parser]:
    parser = Parser(msgspec.convert({"objectives": [name], **metrics}, MetricsSource))
    parser.feed(line.encode())
    parser.close()
    return parser.remarks(), parser


COCO = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.345"
FAIRSEQ = "| valid | epoch 001 | loss 8.123 | nll_loss 7.5 | num_updates 100"
PROPOSED = [
    ("Accuracy of the network on the 10000 test images: 54 %", "Accuracy", 54),
    ("Test set: Average loss: 0.0512, Accuracy: 9832/10000 (98%)", "Accuracy", 98),
    (" *   Acc@1 69.758 Acc@5 89.076", "Acc@1", 69.758),
    (" *   Acc@1 69.758 Acc@5 89.076", "Acc@5", 89.076),
    (COCO, "AP", 0.345),
    (COCO, "Average Precision", 0.345),
    (FAIRSEQ, "loss", 8.123),
    ("Epoch 00001: val_loss improved from inf to 0.28173, saving model", "val_loss", 0.28173),
    ("| epoch   1 |   200/ 2983 batches | lr 20.00 | loss  7.63 | ppl  2050.40", "ppl", 2050.4),
    ("    accuracy                           0.93       100", "accuracy", 0.93),
    ("[1] 0.93", "accuracy", 0.93),
    ("0.93", "accuracy", 0.93),
    ("acc=93％", "acc", 93),
    ("loss=1.5f", "loss", 1.5),
    ("loss: 0.6, 0.7, 0.8", "loss", 0.6),
    ("Loss: 0.5", "loss", 0.5),
    ("loss := 0.5", "loss", 0.5),
    ("**loss**: 0.5", "loss", 0.5),
    ("loss[0]=0.5", "loss", 0.5),
    ("loss (3): 0.5", "loss", 0.5),
    ("loss 3 = 0.5", "loss", 0.5),
    ("Episode 10 reward -123.5", "reward", -123.5),
    ("loss: **0.5**", "loss", 0.5),
    ("reward,-123.5", "reward", -123.5),
    ("[20]\tcv_agg's valid auc: 0.98 + 0.012", "auc", 0.98),
    ("[10]\ttrain-rmse:0.51+0.02\ttest-rmse:0.42+0.01", "test-rmse", 0.42),
]


@pytest.mark.parametrize(("line", "name", "value"), PROPOSED)
def test_the_proposed_pattern_reads_the_value_that_it_names(
    line: str, name: str, value: float
) -> None:
    said, read = remarks(line, name)
    assert read == value
    assert "a pattern that reads it as " in said


@pytest.mark.parametrize(
    "line",
    [
        *("loss = 1.0D-3", "loss=1d+02", "loss=1.5f0", "loss=1.#INF", "loss: ‑0.5", "loss: －0.5"),
        *("loss: - 0.5", "loss: −0.5", "loss=Fraction(1, 2)", "loss: 1.5 × 10^3", "loss: 1.5 e-3"),
        *("loss: 5m30s", "loss: 5 min 30 s", "loss: 1 day, 2:03:04", "loss: 0:00:03", "loss: 1/3"),
        *(
            "loss,loss50,loss75",
            "| loss | loss50 |",
            "loss: 0.123 456",
            "loss=0.5_f64",
            "loss: 1,5",
        ),
        "a loss (train=0.9, test=0.8) in 5 s",
    ],
)
def test_no_pattern_is_proposed_that_would_read_another_number(line: str) -> None:
    said, read = remarks(line, "loss")
    assert read is None
    assert "nearest line: " in said


@pytest.mark.parametrize("line", ["acc 0.93", "acc: 0.93", "acc = 93 %"])
@pytest.mark.parametrize("diverged", ["nan", "-inf"])
def test_the_pattern_proposed_reads_nan_and_infinity(line: str, diverged: str) -> None:
    said, _ = remarks(line, "acc", pattern=r"Acc=(?P<value>[\d.]+)")
    _, _, proposal = said.partition('"metrics": ')
    if not proposal:
        assert "without metrics.pattern it is read" in said
        return
    written, _ = json.JSONDecoder().raw_decode(proposal)
    later = re.sub(r"[\d.]+", diverged, line)
    assert said_of(f"{line}\n{later}", "acc", written)[1].values == {
        "acc": "NaN" if diverged == "nan" else "-Infinity"
    }


@pytest.mark.parametrize(
    ("line", "pattern", "why"),
    [
        ("acc 0,93", r"acc (?P<value>[\d,]+)", "a number has no comma"),
        ("acc 93.5%", r"acc (?P<value>[\d.]+)", "a percent sign follows the number"),
        ("acc 12:30", r"acc (?P<value>\d+)", "a time is not a number"),
        ("acc 0.55", r"acc (?P<value>[\d.]{1,2})", "metrics.pattern finds no complete number"),
        ("acc -0.5", r"acc -?(?P<value>[\d.]+)", "metrics.pattern finds no complete number"),
        ("acc: 0.5", r"Acc: (?P<value>[\d.]+)", "metrics.pattern finds no complete number"),
    ],
)
def test_with_a_pattern_the_reason_speaks_of_the_number_or_the_pattern(
    line: str, pattern: str, why: str
) -> None:
    assert f"({why}" in remarks(line, "acc", pattern=pattern)[0]


def test_the_reason_several_numbers_needs_several_numbers() -> None:
    said, _ = remarks('{"eval": {"loss": 0.7}}', "loss")
    assert "several numbers" not in said
    assert 'did you mean "eval.loss"?' in said


def test_a_list_is_called_several_numbers() -> None:
    assert "(several numbers follow that name in the line)" in remarks("acc: 0.6, 0.7", "acc")[0]


def test_a_name_that_is_too_long_is_a_limit_that_was_met() -> None:
    said, parser = said_of(f"{'x' * 129}=1 loss=0.5", "loss", {})
    assert parser.values == {"loss": 0.5}
    assert said == "limit reached: a name of more than 128 characters was ignored"
