"""The export of an experiment has the same history as the log."""

import csv
import io
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.storage.files import FileStore
from tunelet.cli import main
from tunelet.core import commands as c
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.export import TrialTable, write_csv
from tunelet.log.journal import Journal

SPEC: dict[str, Any] = {
    "name": "e",
    "namespace": "default",
    "hyperparameters": {
        "x": {"type": "float", "min": 0.0, "max": 1.0},
        "kind": {"type": "categorical", "choices": ["a,b", 'say "ü"', None, 3]},
        "depth": {"type": "int", "min": 1, "max": 9, "when": {"kind": "a,b"}},
    },
    "objectives": [{"metric": "loss", "direction": "minimize", "goal": None}],
    "max_trials": 100,
    "parallel_trials": 9,
    "max_attempts": 3,
    "enqueue": [],
}
TRIALS: list[dict[str, Any]] = [
    {"x": 0.1, "kind": "a,b", "depth": 4},
    {"x": 0.2, "kind": 'say "ü"'},
    {"x": 0.30000000000000004, "kind": None},
    {"x": 0.4, "kind": 3},
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A log with a trial in each state, values that are not finite and reports."""
    store = FileStore(tmp_path / "store")
    journal = Journal(store, "default", "e", clock=lambda: 1_800_000_000.25)
    journal.commit(c.Submit("u", SPEC))
    journal.commit(c.AddTrials(0, tuple(TRIALS)))
    for n in range(3):
        journal.commit(c.Start(n, 1))
        journal.commit(c.Record(n, 1, (Report(1, {"loss": n + 0.5, "lr": 0.1}), Report(2, {}))))
    journal.commit(c.Finish(0, 1, Outcome(Verdict.COMPLETE, {"loss": "-Infinity"})))
    journal.commit(c.Finish(1, 1, Outcome(Verdict.FAIL, reason="two\nlines", exit_code=3)))
    return store.url


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_row_for_each_trial(url: str, tmp_path: Path) -> None:
    out = tmp_path / "e.csv"
    assert main(["export", "e", "--store", url, "-o", str(out)]) == 0
    rows = rows_of(out.read_bytes().decode())
    assert [row["number"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["state"] for row in rows] == ["COMPLETE", "FAIL", "RUNNING", "WAITING"]
    assert [row["hyperparameters.kind"] for row in rows] == ["a,b", 'say "ü"', "null", "3"]
    assert [row["hyperparameters.depth"] for row in rows] == ["4", "", "", ""]
    assert float(rows[2]["hyperparameters.x"]) == 0.30000000000000004
    assert [row["values.loss"] for row in rows] == ["-Infinity", "1.5", "2.5", ""]
    assert rows[1]["reason"] == "two\nlines"
    assert rows[0]["created_at"] == "2027-01-15T08:00:00.250000Z"
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_a_trial_running_at_the_end_is_stopped(
    url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Journal(FileStore(tmp_path / "store"), "default", "e").commit(c.Stop())
    assert main(["export", "e", "--store", url]) == 0
    rows = rows_of(capfd.readouterr().out)
    assert [row["state"] for row in rows] == ["COMPLETE", "FAIL", "STOPPED", "STOPPED"]
    assert rows[2]["reason"] == "the experiment ended: stopped"


def test_jsonl_is_json_without_absent_columns(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "e", "--store", url, "--format", "jsonl"]) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert rows[0]["values.loss"] == "-Infinity"
    assert (rows[2]["hyperparameters.kind"], rows[3]["hyperparameters.kind"]) == (None, 3)
    assert "hyperparameters.depth" not in rows[1]
    assert "finished_at" not in rows[3]


def test_parquet_has_types(url: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "e.parquet"
    assert main(["export", "e", "--store", url, "--output", str(out)]) == 0
    rows = parquet.read_table(out).to_pylist()
    assert [row["hyperparameters.depth"] for row in rows] == [4, None, None, None]
    assert [row["hyperparameters.kind"] for row in rows] == ["a,b", 'say "ü"', None, "3"]
    assert rows[0]["values.loss"] == -math.inf
    assert rows[0]["created_at"] == datetime(2027, 1, 15, 8, 0, 0, 250000, UTC)


def test_reports_have_a_row_each(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "e", "--store", url, "--reports"]) == 0
    rows = rows_of(capfd.readouterr().out)
    assert [(row["number"], row["step"], row["values.loss"]) for row in rows] == [
        ("0", "1", "0.5"),
        ("1", "1", "1.5"),
        ("2", "1", "2.5"),
    ]


def test_the_bucket_is_only_read(url: str, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    before = list(store.list(""))
    assert main(["export", "e", "--store", url, "-o", str(tmp_path / "e.csv")]) == 0
    assert list(store.list("")) == before


def test_nothing_half_written_stays(url: str, tmp_path: Path) -> None:
    out = tmp_path / "e.csv"
    out.write_text("precious")
    assert main(["export", "absent", "--store", url, "-o", str(out)]) == 3
    assert out.read_text() == "precious"


def test_an_absent_store_is_named_and_no_folder_is_made(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "absent", "--store", url]) == 3
    assert f"{url} holds no experiment default/absent" in capsys.readouterr().err
    misspelt = (tmp_path / "stor").as_uri()
    assert main(["export", "e", "--store", misspelt]) == 3
    assert f"{misspelt}: there is no such folder" in capsys.readouterr().err
    assert not (tmp_path / "stor").exists()


def test_an_output_that_cannot_be_written_is_an_error_of_one_line(
    url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "e", "--store", url, "-o", str(tmp_path / "no" / "e.csv")]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "cannot be written: No such file or directory" in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+1+cmd", "'+1+cmd"),
        ("-x", "'-x"),
        ("-1.5e3", "-1.5e3"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("two\nlines", "two\nlines"),
        ("a=1", "a=1"),
    ],
)
def test_no_text_of_csv_is_a_formula_or_moves_a_terminal(text: str, shown: str) -> None:
    out = io.StringIO(newline="")

    write_csv(TrialTable((text,), lambda: iter([{text: text}])), out)

    assert list(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [[shown], [shown]]
