"""Lines of frameworks and people: the metrics that are read from each."""

# ruff: noqa: RUF001 (the signs of other scripts are meant)

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Number
from tunelet.training.metrics import Parser
from tunelet.training.text import Reader


def read(text: str, *objectives: str, **metrics: Any) -> Mapping[str, Number]:
    """The newest values of an output."""
    parser = Parser(MetricsSource(objectives=objectives, **{"step": "step", **metrics}))
    parser.feed(text.encode())
    parser.close()
    return parser.values


FRAMEWORKS = {
    "keras": (
        "5/5 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step - accuracy: 0.9062 - loss: 0.5125 - val_loss: 0.25",
        {"accuracy": 0.9062, "loss": 0.5125, "val_loss": 0.25},
    ),
    "keras, while it runs": (
        "\x1b[1m1/5\x1b[0m \x1b[32m━━━━\x1b[0m\x1b[37m━━━\x1b[0m \x1b[1m0s\x1b[0m 9ms/step - "
        "loss: 2.4\r\x1b[1m5/5\x1b[0m \x1b[32m━━━━━━━\x1b[0m \x1b[1m0s\x1b[0m 2ms/step - loss: 1.5",
        {"loss": 1.5},
    ),
    "keras 2": (
        "1875/1875 [==============================] - 3s 2ms/step - loss: 0.2912 - accuracy: 0.91",
        {"loss": 0.2912, "accuracy": 0.91},
    ),
    "keras 2, verbose=2": (
        "10/10 - 1s - loss: 0.5 - accuracy: 0.9000 - val_accuracy: 0.8750 - 1s/epoch - 105ms/step",
        {"loss": 0.5, "accuracy": 0.9, "val_accuracy": 0.875},
    ),
    "lightning's bar": (
        "Epoch 0: 100%|██████████| 10/10 [00:01<00:00,  9.50it/s, v_num=0, train_loss=0.512]",
        {"v_num": 0.0, "train_loss": 0.512},
    ),
    "lightning's newer bar": (
        "Epoch 4/4 ━━━━━━━━━━ 10/10 0:00:01 • 0:00:00 9.50it/s v_num: 0.000 train_loss: 0.512",
        {"v_num": 0.0, "train_loss": 0.512},
    ),
    "lightning's table": ("│         test_acc          │    0.9300000071525574     │", {
        "test_acc": 0.9300000071525574,
    }),
    "stable-baselines3": ("|    ep_rew_mean     | -123.5   |", {"ep_rew_mean": -123.5}),
    "transformers": (
        "{'eval_loss': 0.35, 'eval_accuracy': 0.91, 'eval_runtime': 1.5, 'epoch': 1.0}",
        {"eval_loss": 0.35, "eval_accuracy": 0.91, "eval_runtime": 1.5, "epoch": 1.0},
    ),
    "transformers 5": ("{'loss': '0.51', 'learning_rate': '5e-05', 'epoch': '0.5'}", {
        "loss": 0.51, "learning_rate": 5e-05, "epoch": 0.5,
    }),
    "transformers' results": ("  eval_accuracy           =     0.9123", {"eval_accuracy": 0.9123}),
    "tqdm": ("loss: 0.5:  10%|█         | 1/10 [00:00<00:05,  1.66it/s, acc=9.3e-1]", {
        "loss": 0.5, "acc": 0.93,
    }),
    "xgboost": ("[0]\ttrain-rmse:0.51\teval-rmse:0.42", {"train-rmse": 0.51, "eval-rmse": 0.42}),
    "lightgbm": ("[10]\ttraining's auc: 0.24\tvalid_1's l2: 0.23", {"auc": 0.24, "l2": 0.23}),
    "catboost": (
        "0:\tlearn: 0.6916\ttest: 0.6821\tbest: 0.6821 (0)\ttotal: 5.2ms\tremaining: 4.9s",
        {"learn": 0.6916, "test": 0.6821, "best": 0.6821},
    ),
    "allennlp": ("accuracy: 0.9100, loss: 0.3500 ||: 100%|####| 5/5 [00:00<00:00]", {
        "accuracy": 0.91, "loss": 0.35,
    }),
    "logging": (
        "2024-03-01 12:30:15,123 INFO acme.trainer:88: epoch 3 eval: loss=0.216253 acc: 0.7",
        {"loss": 0.216253, "acc": 0.7},
    ),
    "logging in json": (
        '{"time": "2024-03-01T12:30:15Z", "msg": "loss: 0.5", "metrics": {"acc": 0.9}}',
        {"loss": 0.5, "metrics.acc": 0.9},
    ),
    "docker's json": ('{"log":"loss=0.5\\n","stream":"stdout"}', {"loss": 0.5}),
    "json after a prefix": ('INFO step done {"eval": {"loss": 0.2, "acc": 0.9}, "n": 3}', {
        "eval.loss": 0.2, "eval.acc": 0.9, "n": 3.0,
    }),
    "a nested dictionary": ("Results: {'eval': {'loss': 0.2}, 'loss': 0.5}", {
        "eval.loss": 0.2, "loss": 0.5,
    }),
    "numpy": ("a=np.float64(0.93) b=float32(0.5), {'c': np.float32(1e-3)} d=array(0.25)", {
        "a": 0.93, "b": 0.5, "c": 0.001, "d": 0.25,
    }),
    "numpy's array of one": ("loss: array([0.5], dtype=float32)", {"loss": 0.5}),
    "torch": (
        "a: tensor(0.93) b=tensor(0.5, device='cuda:0', grad_fn=<NllLossBackward0>) c=tensor(1.)",
        {"a": 0.93, "b": 0.5, "c": 1.0},
    ),
    "jax": ("loss: Array(0.93, dtype=float32, weak_type=True)", {"loss": 0.93}),
    "tensorflow": ("loss=<tf.Tensor: shape=(), dtype=float32, numpy=0.93>", {"loss": 0.93}),
    "tensorflow's tensor of one": (
        "loss=<tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.5], dtype=float32)>, acc=0.9",
        {"loss": 0.5, "acc": 0.9},
    ),
    "tensorflow's text": ("loss: tf.Tensor(0.93, shape=(), dtype=float32)", {"loss": 0.93}),
    "decimal": ("loss: Decimal('0.93')", {"loss": 0.93}),
    "yaml": ("accuracy: 0.5", {"accuracy": 0.5}),
    "chinese": ("损失：0.5，准确率：0.9。", {"损失": 0.5, "准确率": 0.9}),
    "pytorch's example": (
        "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.305400",
        {"Epoch": 1.0, "Loss": 2.3054},
    ),
    "torchvision": ("Test:   [ 100/1251]  eta: 0:01:12  loss: 0.5521 (0.6123)  acc1: 84.3 (83.0)", {
        "loss": 0.5521, "acc1": 84.3,
    }),
    "timm": ("Test: [  48/48]  Loss:   0.6 ( 0.7)  Acc@1:  85.3 ( 84.1)", {
        "Loss": 0.6, "Acc@1": 85.3,
    }),
    "mmengine": (
        "- INFO - Epoch(val) [1][625/625]    coco/bbox_mAP: 0.3450  data_time: 0.0020",
        {"coco/bbox_mAP": 0.345, "data_time": 0.002},
    ),
    "fairseq": ('2021-01-01 00:00:00 | INFO | valid | {"epoch": 1, "valid_loss": "8.123"}', {
        "epoch": 1.0, "valid_loss": 8.123,
    }),
    "scikit-learn": ("[CV 1/5] END ....C=1;, score=0.933 total time=   0.1s", {"score": 0.933}),
    "an uncertainty": ("a=0.5 ± 0.1, b: 0.5±0.1; c=0.5 +/- 0.1", {"a": 0.5, "b": 0.5, "c": 0.5}),
}  # fmt: skip


@pytest.mark.parametrize(("line", "values"), FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_the_output_of_frameworks_is_read(line: str, values: dict[str, Number]) -> None:
    assert read(line) == values


CUT = [
    *("0,35", "1,234.5", "1.234,5", "1'234", "1’234", "1_000", "1 234", "1 234.5", "1 234 567"),
    *("1\u00a0234", "1\u202f234", "1\u2009234,5", "1,23,456", "12,34,567.8", "5,234", "1.234.567"),
    *("93%", "93.5%", "93.5 %", "93.5\u00a0%", "9‰", "0.5%,", "93.5 percent", "93.5 (%)"),
    *("3s", "3ms", "3 ms", "0.5GB", "0.5 GB", "1e-3x", "1.5k", "1.2M", "5°", "3€", "1.5x"),
    *("1/3", "9332/13036", "1.2.3", "2024-03-01", "12:30", "12:30:15", "1-2", "1–2", "5$"),
    *(
        "0x1F",
        "0b1",
        "0o7",
        "١٢",
        "0٫5",
        "１２",
        "5½",
        "10²",
        "−5",
        "--5",
        "+-5",
        "0.5_",
        "0.5\u20ac",
    ),
    *("1e", "1e+", "1E-", "1+2j", "1j", "1.5e-3.2", "1.5×10³", "2*3", "2^3", "0.5…", "0.5..."),
    *(
        "0.123 456",
        "0.123 456 789",
        "12.345 678",
        "1.5 e-3",
        "1.5 E+03",
        "1.5 d3",
        "1.0D-3",
        "1.5f0",
    ),
    *(
        "93.5％",
        "93.5 ％",
        "93 per cent",
        "93 percentage points",
        "5 pp",
        "2.5 million",
        "5 thousand",
    ),
    *("5 it/s", "5 samples/s", "5 dB", "3 km", "5 €", "5 °C", "5 MiB/s", "5 m 30 s"),
    *("‑5", "﹣5", "－5", "- 5", "1.#INF", "1.#QNAN", "5 ½", "5 \u200b5", "5\u200b5", "0.5\u0301"),
    *("0.5(3)", "np.float64(0,5)", "inf%", "nano", "infinite", "0,5;", "'0,5'", "'93%'", '"1,234"'),
]
"""Any part of these is another number."""
AMBIGUOUS = [
    *("1 / 3", "0.5 - 0.3", "0.1 -> 0.01", "0.1 → 0.01", "1.5 x 10^3", "2 * 3", "~0.5", "<0.5"),
    *("$5", "#5", "(0.5)", "[0.5, 0.4]", "[0.5 0.4]", "tensor([0.5, 0.4])", "exp(0.5)"),
    *(
        "0.6, 0.7, 0.8",
        "0.6 0.7",
        "0.6\t0.7",
        "0.6 | 0.7",
        "0.6; 0.7",
        "0.6 vs 0.7",
        "0.6 and 0.7",
        "3 out of 5",
    ),
    *("np.float64(0.5)s", "tensor(0.5)%", "3 of 10", "0 to 5", "0.5:0.6"),
]
"""These have several numbers, or a whole one that does not mean itself."""


@pytest.mark.parametrize("numeral", CUT + AMBIGUOUS)
@pytest.mark.parametrize("line", ["loss={}", "x, loss: {}", "{{'loss': {}}}", "loss={} acc=0.5"])
def test_a_number_is_read_whole_or_not_at_all(line: str, numeral: str) -> None:
    assert "loss" not in read(line.format(numeral), "loss")
    assert "loss" not in read(line.format(numeral))


@pytest.mark.parametrize("numeral", CUT)
@pytest.mark.parametrize(
    "pattern",
    [
        r"loss\W+(?P<value>[\d.]+)",
        r"(?P<value>\d+)",
        r"loss\W+?(?P<value>[-+]?\S+)",
        r"(?P<value>[-+.\de]+)$",
        r"(?P<name>\w+)=(?P<value>[-+.,\d]+)",
        r"\D(?P<value>\d+\.\d)",
    ],
)
def test_no_pattern_of_a_user_cuts_a_number(pattern: str, numeral: str) -> None:
    assert read(f"loss={numeral}", "loss", pattern=pattern) == {}


@pytest.mark.parametrize(
    "line",
    [
        "see http://localhost:8080/x and host:8080",
        "Epoch 3: training begins",
        "eta: 0:00:05",
        "lr: 0.1 -> 0.01",
        "train.py --lr=0.1 --epochs=3",
        "12:30:15 done",
        "[==========] 5 tests",
        "time: 3s",
        "a[0] 1.5",
    ],
)
def test_text_that_resembles_a_metric_is_not_one(line: str) -> None:
    assert read(line) == {}


@pytest.mark.parametrize(
    "name",
    [
        *("ndcg@10", "val/loss", "mAP@[.5:.95]", "Test Accuracy", "valid_1's l2", "F1 (macro)"),
        *("eval:loss", "Genauigkeit-ä", "损失", "точность", "loss{test}", "a|b", "top-1", "1", "*"),
        *("x" * 128, "loss.*", "(a+)+", 'the "best"', "ндс 10", "acc,top1", "R²", "loss\\", "^$"),
    ],
)
@pytest.mark.parametrize("form", ["{}={}", "n=3 {}: {}, b=2", "12:30 INFO {}:{}", "{} = {}"])
def test_every_name_that_may_be_asked_for_is_found(name: str, form: str) -> None:
    assert read(form.format(name, 0.22), name)[name] == 0.22


def test_a_name_is_found_after_many_metrics_and_in_a_long_line() -> None:
    many = "".join(f"AP_class{n}={n / 2000:.4f}\n" for n in range(1203))
    assert read(many + "objective=0.417\n", "objective")["objective"] == 0.417
    long = " ".join(f"a{n}=1" for n in range(100_000))
    assert read(f"{long} objective=0.417\n", "objective")["objective"] == 0.417


def test_the_metrics_of_constraints_have_a_place_as_well() -> None:
    many = "".join(f"m{n}=1\n" for n in range(1203))
    assert read(f"{many}peak memory=5", "loss", constraints=("peak memory",))["peak memory"] == 5


def test_a_name_is_not_found_within_a_longer_one() -> None:
    for line in ("val_loss=1", "val-loss: 1", "val/loss: 1", "loss_a=1", "lossy: 1", "x.loss=1"):
        assert "loss" not in read(line, "loss")


def test_neither_of_two_values_in_a_line_counts() -> None:
    assert "loss" not in read("train loss: 0.5 val loss: 0.4", "loss")
    assert "loss" not in read("loss=1 loss=2", "loss")
    assert read("loss=1 loss=1", "loss") == {"loss": 1.0}
    assert read("train loss: 0.5 val loss: 0.4", "val loss") == {"val loss": 0.4, "loss": 0.5}


def test_a_name_that_occurs_alone_is_not_the_one_with_a_word_before_it() -> None:
    assert read("loss: 0.5 (best loss: 0.3)", "loss") == {"loss": 0.5}
    assert read("loss: 0.5\nval loss: 0.4", "loss") == {"loss": 0.5}
    assert read("val loss: 0.4\nloss: 0.5", "loss") == {"loss": 0.5}
    assert read("Test Accuracy=0.93", "Accuracy") == {"Accuracy": 0.93}
    assert read("train loss: 0.5\nval loss: 0.4", "loss") == {}


@pytest.mark.parametrize(
    "other",
    ["target", "previous", "mean", "min", "best val", "running", "[val]", "Test:", "(eval)"],
)
def test_a_name_that_occurs_alone_is_not_its_statistic(other: str) -> None:
    assert read(f"loss: 0.5\n{other} loss: 0.1", "loss") == {"loss": 0.5}
    assert read(f"{other} loss: 0.1", "loss") == {"loss": 0.1}
    assert read(f"{other} loss: 0.1", f"{other} loss")[f"{other} loss"] == 0.1


def test_neither_a_value_nor_the_best_so_far_on_separate_lines_counts() -> None:
    lines = "val loss: 0.4\nbest val loss: 0.3"
    assert read(lines, "loss") == {}
    assert read(lines, "val loss") == {"val loss": 0.4}


@pytest.mark.parametrize("line", ['{"metricName": "acc", "metricValue": "0.93"}',
    '{"metric": "acc", "value": 0.93, "type": "dataset"}'])  # fmt: skip
def test_json_may_have_the_name_and_the_value_as_members(line: str) -> None:
    assert read(line, "acc", format="json")["acc"] == 0.93


@pytest.mark.parametrize("digits", ["٠٫٩٣", "٠.٩٣", "０.９３", "-०.९३"])
def test_no_pattern_passes_over_a_number_in_other_digits(digits: str) -> None:
    line = f"loss: {digits} n: 3"
    assert read(line, "loss", pattern=r"loss\D*(?P<value>\d+)") == {}
    assert read("损失２: 0.5", "损失２", pattern=r"损失２\D*(?P<value>[\d.]+)") == {"损失２": 0.5}


@pytest.mark.parametrize(
    "later",
    [
        *("1,5", "‑0.5", "－0.5", "~0.5", "<0.5", "$0.5", "0.5 0.6"),
        *("(0.5)", "nan(ind)", "-nan(ind)", "-nan(snan)", "inf%", "∞", "-∞"),
        *("**0,6**", "`0.6`", "≥0.6", "±0.6", "#6", "¥6", "- 5", "= 0.5"),
        *("tensor(0,5)", "np.float64(1_000)", "tensor(0.5)%", "array([0.5, 0.4])"),
    ],
)
def test_nothing_that_looks_like_a_number_leaves_an_earlier_value(later: str) -> None:
    assert read(f"loss: 0.7\nloss: {later}", "loss") == {}


def test_a_list_of_one_is_its_number_and_a_longer_one_leaves_the_earlier_value() -> None:
    assert read("loss: [0.5]", "loss") == {"loss": 0.5}
    assert read("loss: 0.5\n{'loss': [0.7, 0.5]}", "loss") == {"loss": 0.5}


def test_a_number_that_cannot_be_read_takes_the_place_of_an_earlier_one() -> None:
    assert read("reward: 950.5\nreward: 1,050.5", "reward") == {}
    assert read("reward: 950.5\nreward: 1,050.5\nreward: 1050", "reward") == {"reward": 1050.0}


def test_a_number_in_a_line_that_is_too_long_is_not_cut() -> None:
    assert read("x" * ((1 << 20) - 8) + " loss=0.123456", "loss") == {}


NUMERAL = st.sampled_from(["1", "-0.5", "+1.5e-3", "5.", "100", "1e400", "0.123"])
PAIR = st.tuples(
    st.sampled_from(["loss", "e3", "x1", "to", "of5", "k", "inf", "val/loss", "s", "a.b", "best"]),
    st.sampled_from(["=", ": "]),
    NUMERAL,
    st.sampled_from([" ", ", "]),
)


@given(st.lists(PAIR, min_size=1, max_size=5))
def test_a_plain_line_is_read_as_any_other_is(pairs: list[tuple[str, str, str, str]]) -> None:
    line = "".join(map("".join, pairs)).rstrip(", ")
    # A name that is not plain is asked for, so that the short way is not taken.
    assert Reader(["loss"]).read(line) == Reader(["loss", "not plain"]).read(line)
    names = [name for name, *_ in pairs]
    assert [each.name for each in Reader(["loss"]).read(line) if each.value is not None] == names
