"""Tables in output: rows of two columns are read, for others a pattern is proposed."""

import json
import time

import pytest

from tests.unit.tunelet.training.test_remarks import said_of
from tests.unit.tunelet.training.test_text import read

FASTAI = """\
epoch     train_loss  valid_loss  accuracy  time    
0         0.512000    0.401000    0.850000  00:05     
1         0.412000    0.301000    0.870000  00:05     
"""  # noqa: W291
SKORCH = """\
  epoch    train_loss    valid_acc    valid_loss     dur
-------  ------------  -----------  ------------  ------
      1        \x1b[36m0.6971\x1b[0m       0.5000        \x1b[35m0.6859\x1b[0m  0.0211
      2        0.6870       0.5500        0.6759  0.0211
"""
MARKDOWN = "| epoch | valid_loss | acc |\n|---|---|---|\n| 1 | 0.5 | 0.9 |\n| 2 | 0.4 | 0.92 |\n"
TABLES = [
    (FASTAI, "valid_loss", 0.301),
    (FASTAI, "accuracy", 0.87),
    (FASTAI + "done\n", "train_loss", 0.412),
    (SKORCH, "valid_loss", 0.6759),
    (SKORCH, "valid_acc", 0.55),
    (MARKDOWN, "acc", 0.92),
    (MARKDOWN, "valid_loss", 0.4),
    ("epoch,train_loss,val_loss\n1,0.5,0.4\n2,0.3,0.2\n", "val_loss", 0.2),
    ("epoch,train_loss,val_loss\n1,0.5,0.4\n2,0.3,0.2\n", "train_loss", 0.3),
    ("epoch;loss;acc\n1;0.5;0.9\n", "loss", 0.5),
    ("epoch\tloss\tval acc\n1\t0.5\t0.9\n", "val acc", 0.9),
    ("epoch,loss\n1,-1.5e-3\n", "loss", -1.5e-3),
]


@pytest.mark.parametrize(("table", "name", "value"), TABLES)
def test_for_a_column_of_a_table_a_pattern_is_proposed(table: str, name: str, value: float) -> None:
    said, parser = said_of(table, name, {})
    assert name not in parser.values
    assert "(it is the header of a table)" in said
    written = proposed(said)
    assert said_of(table, name, written)[1].values == {name: value}
    assert said_of(f"{table}INFO done: 5 trees and 12 leaves\n", name, written)[1].values == {
        name: value
    }


def proposed(said: str) -> dict[str, object]:
    written, _ = json.JSONDecoder().raw_decode(said.partition('"metrics": ')[2])
    return dict(written)


@pytest.mark.parametrize(
    "table",
    [
        "epoch,loss\n1,0,5\n",
        "epoch;loss\n1;0,5\n",
        "epoch loss\n1 0.5%\n",
        "epoch loss\n",
        "epoch,loss\n1,2\n",
        "loss loss\n1 2\n",
        "the loss is what counts here\n1 2 3\n",
    ],
)
def test_no_pattern_is_proposed_for_a_column_that_cannot_be_read(table: str) -> None:
    assert "a pattern that reads it" not in said_of(table, "loss", {})[0]


@pytest.mark.parametrize("cell", ["0,7", "0.7%", "1,050.5", "3 ms"])
def test_a_row_with_an_unreadable_number_leaves_no_earlier_value(cell: str) -> None:
    assert read(f"loss=0.5\n│ loss │ {cell} │", "loss") == {}
    assert read(f"loss=0.5\n|   loss   | {cell} |", "loss") == {}
    assert read("loss=0.5\n| loss | high |", "loss") == {"loss": 0.5}


@pytest.mark.parametrize(
    "line", ["| a" + " " * 65_000 + "b", "|" * 65_000, "| loss |" + " " * 65_000 + "5 x"]
)
def test_no_row_takes_more_than_linear_time(line: str) -> None:
    before = time.process_time()
    read(f"{line} a=1 ", "loss")
    assert time.process_time() - before < 1
