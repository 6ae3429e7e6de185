"""The benchmark of workers asks a real service, and judges by the log."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from adapters.storage import open_store
from benchmarks import workers
from benchmarks.harness.service import store_of, up
from benchmarks.workers import Standing, Told
from tunelet.client import Client


def told(number: int, value: float = 0.5) -> Told:
    return Told(number, value, asked=0.0, given=1.0, acknowledged=2.0)


def test_workers_make_every_trial_of_the_budget_once() -> None:
    with ThreadPoolExecutor(2) as pool:
        found = workers.measure(pool, workers=5, trials=12, delay=0.001)
    assert sorted(each.number for each in found.told) == list(range(12))
    assert (found.lost, found.twice) == (0, 0)
    assert found.calls["put"] > 0
    assert all(each.asked <= each.given <= each.acknowledged for each in found.told)


def test_the_figures_of_a_quick_run_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WORKERS", 3)
    figures = workers.run(quick=True)
    assert figures.keys() == {
        *("trials_per_s", "p99_ask_s", "p99_tell_s", "writes_per_trial", "lost", "twice")
    }


def test_a_service_of_a_benchmark_counts_its_requests(tmp_path: Path) -> None:
    with up(tmp_path, 0.0) as service:
        experiment = Client(service.url).submit(workers.request(workers=1, trials=1))
        with experiment.ask() as trial:
            trial.tell(0.25)
        calls = service.end()
    assert calls["put"] >= len(list(open_store(store_of(tmp_path)).list("v1/")))
    log = workers.standing(open_store(store_of(tmp_path)))
    assert log == Standing(1, {0: [0.25]})


def test_an_outcome_that_the_log_lacks_is_lost() -> None:
    log = Standing(2, {0: [0.5], 1: [0.7]})
    assert workers.check(log, [told(0), told(1)], 2) == (1, 0)


@pytest.mark.parametrize(
    ("ends", "numbers"),
    [({0: [0.5], 1: [0.5, 0.5]}, [0, 1]), ({0: [0.5], 1: [0.5]}, [0, 1, 1])],
    ids=["two ends in the log", "two workers"],
)
def test_a_trial_that_came_or_ended_twice_is_counted(
    ends: dict[int, list[float]], numbers: list[int]
) -> None:
    assert workers.check(Standing(2, ends), list(map(told, numbers)), 2) == (0, 1)


@pytest.mark.parametrize(("created", "ended"), [(3, 3), (3, 2), (2, 1), (1, 1)])
def test_a_budget_that_is_not_exact_ends_the_benchmark(created: int, ended: int) -> None:
    ends = dict(zip(range(ended), ([0.5] for _ in count()), strict=False))
    with pytest.raises(SystemExit, match=f"{created} trials and {ended} ends"):
        workers.check(Standing(created, ends), [], 2)
