"""Metrics in output: their values and steps."""

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number, Report
from tunelet.errors import Reject
from tunelet.text.limits import METRICS, STEPS
from tunelet.training.metrics import LINE_BYTES, MATCHED, Parser, parse_file

TEXT = MetricsSource(step="step")
JSON = replace(TEXT, format="json")


def read(data: bytes, metrics: MetricsSource = TEXT) -> dict[int, dict[str, Number]]:
    parser = Parser(metrics)
    given_out = parser.feed(data) + parser.close()
    merged: dict[int, dict[str, Number]] = {}
    for report in given_out:
        merged[report.step] = report.values | merged.get(report.step, {})
    assert merged == {report.step: report.values for report in parser.reports}
    return merged


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("objective=0.93", {"objective": 0.93}),
        ("loss = 1e-3, val/acc=.5; n=3.", {"loss": 0.001, "val/acc": 0.5, "n": 3.0}),
        ("[epoch] top-1=-2. (loss=+7)", {"top-1": -2.0, "loss": 7.0}),
        ("loss=nan a=-inf b=Infinity", {"loss": "NaN", "a": "-Infinity", "b": "Infinity"}),
        ("huge=1e999", {"huge": "Infinity"}),
        ("\x1b[1;32mloss\x1b[0m=\x1b[31m0.5\x1b[0m", {"loss": 0.5}),
        ("\x1b]0;title a=1\x07loss=0.5", {"loss": 0.5}),
        ("\ufeffloss=1", {"loss": 1.0}),
        ("loss=1 loss=2", {"loss": 2.0}),
        ("time=3s v=1.2.3 n=1_000 hex=0x10 --lr=0.1 acc=93% x==1 =5 a=b", {}),
        ("n=\u0661", {}),
        ("information=nano", {}),
    ],
)
def test_a_line_of_text_gives_its_finite_and_special_numbers(
    line: str, values: dict[str, Number]
) -> None:
    assert read(line.encode()) == ({1: values} if values else {})


TRACEBACK = b"""loss=0.5
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    fit(
    ...<2 lines>...
        epochs=3, loss=0.25
    )
  File "train.py", line 3, in fit
    raise ValueError(f"no loss={x}, acc=0.75")
          ^^^^^^^^^^
ValueError: no loss
"""


@pytest.mark.parametrize("pattern", [None, r"(?P<name>\w+)=(?P<value>[.\d]+)"])
def test_source_lines_in_a_traceback_are_no_metrics(pattern: str | None) -> None:
    metrics = replace(TEXT, pattern=pattern)
    assert read(TRACEBACK, metrics) == {1: {"loss": 0.5}}
    assert read(TRACEBACK + b"    loss=0.125\n", metrics)[2] == {"loss": 0.125}
    assert read(b"    loss=1\n    loss=2\n" * 9, metrics)[18] == {"loss": 2.0}


def test_bytes_that_are_not_text_do_no_harm() -> None:
    assert read(b"\xff\xfe\x00 loss=1 \xc3\n") == {1: {"loss": 1.0}}


def test_the_pattern_can_be_the_users() -> None:
    pattern = r"(?P<name>\w+): (?P<value>\S+)"
    assert read(b"loss: 0.5 acc: high n=3\n", replace(TEXT, pattern=pattern)) == {1: {"loss": 0.5}}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (b'{"loss": 0.5, "n": 3, "ok": true, "name": "x", "acc": "0.9"}', {
            "loss": 0.5, "n": 3.0, "acc": 0.9,
        }),
        (b'{"loss": NaN, "deep": {"a": 1, "b": [2, {"c": 3}]}}', {
            "loss": "NaN", "deep.a": 1.0, "deep.b.0": 2.0, "deep.b.1.c": 3.0,
        }),
        (b'INFO {"eval": {"loss": 0.2}} done', {"eval.loss": 0.2}),
        (b"{'eval_loss': 0.35, 'eval': {'acc': np.float64(0.5)}}", {
            "eval_loss": 0.35, "eval.acc": 0.5,
        }),
        (b'{"name": "loss", "value": 0.5}', {"value": 0.5, "loss": 0.5}),
        (b'{"loss": "0,35", "acc": "93%"}', {}),
        (b'{"loss": 0.3', {}),
        (b'{"n": 1' + b"0" * 400 + b', "a": 1}', {"a": 1.0}),
        (b'{"n": 1' + b"0" * 5000 + b"}", {}),
        (b"[" * 50_000, {}),
        (b"[1, 2]", {}),
        (b"loss=0.5", {}),
    ],
)  # fmt: skip
def test_a_line_of_json_gives_its_numbers(line: bytes, values: dict[str, Number]) -> None:
    assert read(line, JSON) == ({1: values} if values else {})


def test_steps_are_counted_where_lines_do_not_name_them() -> None:
    assert read(b"loss=3\nloss=2\nchatter\nloss=1\n") == {
        1: {"loss": 3.0},
        2: {"loss": 2.0},
        3: {"loss": 1.0},
    }


def test_metrics_on_lines_of_their_own_share_a_step_until_one_comes_again() -> None:
    assert read(b"loss=3\nacc=.1\nloss=2\nacc=.2\n") == {
        1: {"loss": 3.0, "acc": 0.1},
        2: {"loss": 2.0, "acc": 0.2},
    }


def test_a_metric_reported_rarely_is_not_lost_among_frequent_ones() -> None:
    assert read(b"loss=3\nloss=2\nobjective=9\nloss=1\n") == {
        1: {"loss": 3.0},
        2: {"loss": 2.0, "objective": 9.0},
        3: {"loss": 1.0},
    }


def test_a_line_may_name_its_step() -> None:
    assert read(b"step=10 loss=3\nacc=.1\nstep=20\nloss=2\nloss=1.5\n") == {
        10: {"loss": 3.0, "acc": 0.1},
        20: {"loss": 2.0},
        21: {"loss": 1.5},
    }


def test_any_metric_can_number_the_steps() -> None:
    assert read(b"epoch=4 loss=3", replace(TEXT, step="epoch")) == {4: {"loss": 3.0}}
    assert read(b"step=4 loss=3", replace(TEXT, step=None)) == {1: {"step": 4.0, "loss": 3.0}}


@pytest.mark.parametrize("step", ["-1", "nan", "1e300"])
def test_a_number_that_is_not_a_step_is_a_value(step: str) -> None:
    assert list(read(f"step={step} loss=3".encode())) == [1]


def steps(text: str, **metrics: Any) -> list[tuple[int, dict[str, Number]]]:
    return list(read(text.encode(), replace(TEXT, objectives=("loss",), **metrics)).items())


def test_a_step_that_goes_back_begins_a_further_stretch() -> None:
    lines = [f"epoch={e} step={s} loss={e}.{s}" for e in (1, 2, 3) for s in (1, 2, 3)]
    found = steps("\n".join(lines))
    assert [(step, values["loss"]) for step, values in found] == [
        *((1, 1.1), (2, 1.2), (3, 1.3), (4, 2.1), (5, 2.2), (6, 2.3)),
        *((7, 3.1), (8, 3.2), (9, 3.3)),
    ]
    from_zero = steps("step=0 loss=1\nstep=50 loss=2\nstep=0 loss=3\nstep=50 loss=4")
    assert [step for step, _ in from_zero] == [0, 50, 51, 101]


def test_validation_after_training_joins_the_steps_of_the_training() -> None:
    assert steps("step=1 loss=5\nstep=2 loss=4\nstep=1 acc=.1\nstep=2 acc=.2\nstep=3 loss=3") == [
        (1, {"loss": 5.0, "acc": 0.1}),
        (2, {"loss": 4.0, "acc": 0.2}),
        (3, {"loss": 3.0}),
    ]


def test_steps_that_are_not_integers_count_in_their_order() -> None:
    lines = (
        "epoch=0.5 loss=4\nepoch=1.0 loss=3\nepoch=1.0 acc=.5\nepoch=1.5 loss=2\nepoch=0.5 loss=1"
    )
    assert steps(lines, step="epoch") == [
        (1, {"loss": 4.0}),
        (2, {"loss": 3.0, "acc": 0.5}),
        (3, {"loss": 2.0}),
        (4, {"loss": 1.0}),
    ]


def test_a_step_in_a_configuration_does_not_hide_later_values() -> None:
    assert steps("step=100 lr=0.1\nloss=3\nloss=2\nloss=1") == [
        (100, {"lr": 0.1, "loss": 3.0}),
        (101, {"loss": 2.0}),
        (102, {"loss": 1.0}),
    ]
    assert [s for s, _ in steps("loss=3\nloss=2\nstep=1 loss=1\nstep=2 loss=0")] == [1, 2, 3, 4]


@pytest.mark.parametrize("step", ["1,001", "1k", "2/10", "-1", "nan", "1e300"])
def test_a_step_that_cannot_be_read_does_not_hide_later_values(step: str) -> None:
    found = steps(f"step=1000 loss=3\nstep={step} loss=2\nstep={step} loss=1\nstep=1002 loss=0")
    assert [values["loss"] for _, values in found] == [3.0, 2.0, 1.0, 0.0]


def test_a_line_without_a_step_belongs_to_the_objectives_last_step() -> None:
    assert steps("step=1 loss=3\nloss=2\nacc=.5\nstep=2 loss=1") == [
        (1, {"loss": 3.0, "acc": 0.5}),
        (2, {"loss": 1.0}),
    ]


def test_the_first_value_at_a_step_is_in_the_curve_and_the_newest_in_values() -> None:
    parser = Parser(TEXT)
    assert parser.feed(b"step=1 loss=3\n") == [Report(step=1, values={"loss": 3.0})]
    assert parser.feed(b"step=1 loss=2 acc=.5\n") == [Report(step=1, values={"acc": 0.5})]
    assert parser.values == {"loss": 2.0, "acc": 0.5}


def test_the_last_state_of_a_progress_bar_counts() -> None:
    bar = b"\rloss=9 10%|#  |\rloss=5 99%|## |\r               \rdone\n"
    assert read(b"loss=7\r\rloss=1\r\n\r\n" + bar.replace(b"\rdone", b"")) == {
        1: {"loss": 1.0},
        2: {"loss": 5.0},
    }
    assert read(bar) == {}


def test_a_value_is_known_only_when_its_line_is_complete() -> None:
    parser = Parser(TEXT)
    assert parser.feed(b"objective=0.9") == []
    assert parser.feed(b"3\nobjective=0.5") == [Report(step=1, values={"objective": 0.93})]
    assert parser.close() == [Report(step=2, values={"objective": 0.5})]


@pytest.mark.parametrize(
    "line",
    [
        b"a=" + b"1" * 65_000 + b"x",
        b"a" + b" " * 65_000,
        b"a=" + b" " * 65_000 + b"x",
        b"a=1e" + b"1" * 65_000 + b"x",
        b"a=1." + b"1" * 65_000 + b"x",
        b"a-" * 32_000,
        b"a =" * 21_000,
        b"a=" + b"\x1b[" * 32_000,
        b"a=" + b"\x1b[" + b"0" * 65_000,
        b"a=" + b"\x1b]" * 32_000,
        b"a: tensor(1, b=(" * 4_000,
        b"a=<tf.A" * 9_000,
        b"'a" * 30_000,
        b"'a': {" * 10_000,
        b"train objective " * 4_000,
    ],
)
def test_no_line_takes_more_than_linear_time(line: bytes) -> None:
    parser = Parser(TEXT)
    before = time.process_time()
    parser.feed(line + b"\n")
    # Of the processor, not of the clock. What is quadratic takes tens of seconds for it.
    assert time.process_time() - before < 1
    assert parser.values == {}


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?P<name>(a+)+)=(?P<value>\d)$",
        r"(?P<name>(a|aa)+)=(?P<value>\d+)",
        r"(?P<name>(.*)*)=(?P<value>(.*)*)#",
        r"(?P<name>a.*=|a)(?P<value>)",
    ],
)
def test_no_pattern_hangs(pattern: str) -> None:
    parser = Parser(replace(TEXT, pattern=pattern))
    before = time.process_time()
    parser.feed(b"a" * LINE_BYTES + b"\n")
    assert time.process_time() - before < 1


def test_a_pattern_that_could_hang_is_refused() -> None:
    for pattern in (r"(?P<name>a)\1(?P<value>1)", r"(?P<name>(a?){1000})(?P<value>(a?){1000})"):
        with pytest.raises(Reject, match=r"metrics\.pattern"):
            Parser(replace(TEXT, pattern=pattern))


def test_a_users_pattern_sees_the_beginning_of_a_line() -> None:
    metrics = replace(TEXT, pattern=r"(?P<name>\w+): (?P<value>\S+)")
    line = b"loss: 1 " + b" " * MATCHED + b"acc: 2\n"
    assert read(line, metrics) == {1: {"loss": 1.0}}
    parser = Parser(metrics)
    parser.feed(line)
    assert parser.remarks() == "limit reached: patterns see the first 65,536 characters of a line"


def test_a_huge_line_is_cut() -> None:
    parser = Parser(TEXT)
    for _ in range(100):
        parser.feed(b"x" * LINE_BYTES)
    parser.feed(b" late=1\nobjective=1\n")
    assert parser.values == {"objective": 1.0}
    assert "longer than 1 MiB" in parser.remarks()


def test_names_are_bounded() -> None:
    parser = Parser(TEXT)
    parser.feed(b"a" * 129 + b"=1\n" + b"".join(b"m%d=1\n" % n for n in range(METRICS + 5)))
    parser.feed(b"m1=2\n")
    assert len(parser.values) == METRICS
    assert parser.values["m1"] == 2.0
    assert "only the first 1,000 metrics" in parser.remarks()


def test_steps_are_bounded_but_the_newest_value_is_not_lost() -> None:
    parser = Parser(TEXT)
    parser.feed(b"".join(b"loss=%d\n" % n for n in range(STEPS + 5)))
    assert len(parser.reports) == STEPS
    assert "only the first 10,000 steps" in parser.remarks()
    assert parser.values == {"loss": STEPS + 4.0}


NOISE = st.sampled_from([
    b"loss=1", b"acc=.5", b"step=3", b"step=3 ", b" ", b"\n", b"\r", b"\r\n", b"\x1b[0m", b"\xff",
    "é".encode(), b'{"loss":', b"2}", b"1", b"x" * 70_000, b'  File "', b"    ", b"\n    loss=4\n",
])  # fmt: skip


@given(
    st.lists(NOISE, max_size=30).map(b"".join),
    st.lists(st.integers(0, 200), max_size=10),
    st.sampled_from([TEXT, JSON]),
)
def test_any_chunking_gives_the_same_reports(
    data: bytes, cuts: list[int], metrics: MetricsSource
) -> None:
    whole, parts = Parser(metrics), Parser(metrics)
    expected = whole.feed(data) + whole.close()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [report for a, b in pairwise(edges) for report in parts.feed(data[a:b])]
    assert found + parts.close() == expected
    assert parts.reports == whole.reports
    assert parts.values == whole.values


@given(st.binary(max_size=500), st.binary(max_size=500))
def test_more_output_never_changes_an_earlier_report(first: bytes, rest: bytes) -> None:
    parser = Parser(TEXT)
    parser.feed(b"loss=1\n" + first + b"\nstep=2 loss=4\n")
    before = parser.reports
    parser.feed(rest + b"\nstep=2 loss=5\nloss=3\n")
    after = {report.step: report.values for report in parser.reports}
    assert all(after[r.step].items() >= r.values.items() for r in before)


def test_a_file_may_be_one_object_a_list_or_lines() -> None:
    one = b'{"objective":\n 0.5}\n'
    for data in (one, b"\xef\xbb\xbf" + one, b'[{"objective": 0.5}]', b'log\n{"objective": 0.5}'):
        parser = parse_file(data, JSON)
        assert parser.values == {"objective": 0.5}
        assert parser.reports == (Report(step=1, values={"objective": 0.5}),)
    listed = parse_file(b'[{"step": 1, "loss": 2}, {"step": 5, "loss": 1}]', JSON)
    assert [report.step for report in listed.reports] == [1, 5]
    assert parse_file(b"objective=1\nobjective=2", TEXT).values == {"objective": 2.0}
    assert parse_file(b"", JSON).values == {}
    assert parse_file(b"null", JSON).values == {}
