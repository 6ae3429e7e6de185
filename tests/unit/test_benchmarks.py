"""The benchmarks measure the real service, and print what programs can read."""

from pathlib import Path

import pytest

from adapters.storage import open_store
from benchmarks.coldstart import AIMS
from benchmarks.inline import Inline, request
from benchmarks.overhead import STORAGES
from benchmarks.table import by_turns, medians, show


@pytest.mark.parametrize("algorithm", ["random_search", "grid_search", "tpe"])
def test_an_experiment_runs_to_its_end_in_one_thread(tmp_path: Path, algorithm: str) -> None:
    numbers: list[str] = []

    def objective(env: dict[str, str]) -> float:
        numbers.append(env["TUNELET_TRIAL"])
        return float(env["TUNELET_TRIAL"])

    inline = Inline(open_store(tmp_path.as_uri()), objective)
    ended = inline.run(request(algorithm, trials=14, parallel=3))
    assert ended.state == "COMPLETE"
    assert ended.counts["complete"] == 14
    assert sorted(map(int, numbers)) == list(range(14))
    assert [one.number for one in ended.best] == [0]


def test_every_figure_has_the_name_that_it_is_known_by() -> None:
    assert set(STORAGES) == {"optuna_sqlite", "optuna_journal", "optuna_memory"}
    assert set(AIMS) == {"api", "complete", "suggest_random", "suggest_tpe"}


def test_measures_take_turns() -> None:
    order: list[str] = []
    measures = {
        "a": lambda: float(order.append("a") is None),
        "b": lambda: 2 * float(order.append("b") is None),
    }
    found = by_turns(measures, 2)
    assert order == ["a", "b", "a", "b"]
    assert medians(found) == {"a": 1.0, "b": 2.0}


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    show("Heading", ["", "seconds"], [["api", "1.0"], ["complete", "10.0"]])
    assert capsys.readouterr().out.splitlines() == [
        "Heading",
        "",
        "          seconds",
        "--------  -------",
        "api           1.0",
        "complete     10.0",
        "",
    ]
