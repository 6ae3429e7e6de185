"""How figures, times and tables read."""

import math
from typing import Any

import pytest

from tunelet.cli.show import listed
from tunelet.client.report import (
    Rows,
    ago,
    assignment,
    duration,
    elapsed,
    experiment_table,
    failures,
    figure,
    moment,
    progress,
    sparkline,
    trial_table,
    without_empty,
)

SPEC = {
    "hyperparameters": {"lr": {}, "layers": {}},
    "objectives": [{"metric": "loss"}],
    "max_trials": 20,
    "hpo_algorithm": {"name": "tpe"},
}
NOON = "2026-11-23T12:00:00.000Z"


def trial(number: int, **more: Any) -> dict[str, Any]:
    given = {
        "number": number,
        "attempt": 1,
        "state": "COMPLETE",
        "hyperparameters": {"lr": 0.012345},
        "values": {"loss": 0.5},
        "reason": None,
        "started_at": NOON,
        "finished_at": "2026-11-23T12:03:05.000Z",
    }
    return given | more


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456789, "0.012346"),
        (1e-07, "1e-07"),
        (1234567.0, "1.2346e+06"),
        (3.0, "3"),
        (128, "128"),
        (123456789, "123456789"),
        (True, "true"),
        (None, "null"),
        ("adam", "adam"),
        ("NaN", "NaN"),
        (math.inf, "inf"),
    ],
)
def test_a_figure_has_five_digits_and_no_noise(value: object, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0s"),
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (185, "3m 05s"),
        (7800, "2h 10m"),
        (3599.7, "1h 00m"),
        (4 * 86400 + 3 * 3600, "4d 3h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (1, "just now"),
        (42, "42s ago"),
        (200, "3m ago"),
        (7300, "2h ago"),
        (2e5, "2d ago"),
    ],
)
def test_a_time_is_shown_as_its_age(seconds: float, text: str) -> None:
    assert ago(NOON, (moment(NOON) or 0) + seconds) == text


def test_the_age_of_an_experiment_with_a_damaged_log_is_not_known() -> None:
    assert ago("1970-01-01T00:00:00Z", moment(NOON) or 0) == ""


def test_a_time_without_a_zone_is_in_utc() -> None:
    assert moment("2026-11-23T12:00:00") == moment(NOON)


def test_a_trial_that_has_not_begun_has_taken_no_time() -> None:
    assert elapsed(None, None, 0) == ""


def test_the_time_of_an_unfinished_trial_is_until_now() -> None:
    assert elapsed(NOON, None, (moment(NOON) or 0) + 42) == "42s"


def test_a_sparkline_runs_from_the_lowest_bar_to_the_highest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"


def test_a_sparkline_keeps_its_width_and_both_ends() -> None:
    line = sparkline(range(1000), width=30)

    assert len(line) == 30
    assert (line[0], line[-1]) == ("▁", "█")


@pytest.mark.parametrize("values", [[], [1.0], [math.nan, 1.0]])
def test_there_is_no_line_for_fewer_than_two_values(values: list[float]) -> None:
    assert sparkline(values) == ""


def test_a_flat_series_is_a_flat_line() -> None:
    assert sparkline([2.0, 2.0, 2.0]) == "▁▁▁"


def test_hyperparameters_are_shown_by_name() -> None:
    assert assignment({"lr": 0.1, "on": True}) == "lr=0.1  on=true"


def test_progress_omits_states_without_trials() -> None:
    counts = {"waiting": 0, "running": 3, "complete": 4, "pruned": 0, "failed": 1, "stopped": 0}

    assert progress({"counts": counts, "spec": SPEC}) == "5 of 20 ended, 3 running, 1 failed"


def test_stopped_trials_have_ended_and_are_not_failures() -> None:
    counts = {"waiting": 0, "running": 0, "complete": 1, "pruned": 0, "failed": 0, "stopped": 2}

    assert progress({"counts": counts, "spec": SPEC}) == "3 of 20 ended, 2 stopped"


def test_the_counts_of_an_older_service_are_shown_as_they_are() -> None:
    counts = {"waiting": 0, "running": 0, "complete": 1, "pruned": 0, "failed": 2}

    assert progress({"counts": counts, "spec": SPEC}) == "3 of 20 ended, 2 failed"


def test_a_stopped_trial_is_not_explained_as_a_failure() -> None:
    cut = trial(1, state="STOPPED", reason="the experiment ended: the goal is reached")

    assert failures([cut]) == []
    assert trial_table([cut], SPEC, 0).rows[0][-1] == "the experiment ended: the goal is reached"


def test_an_inactive_hyperparameter_and_a_missing_value_are_empty_cells() -> None:
    shown = trial_table([trial(7, values={}, attempt=2)], SPEC, 0, best=[7])

    assert shown.header == ("", "TRIAL", "STATE", "loss", "lr", "layers", "TIME", "NOTE")
    assert shown.rows == (("*", "7", "COMPLETE", "", "0.01235", "", "3m 05s", "attempt 2"),)


def test_the_front_of_several_objectives_is_counted() -> None:
    counts = {"waiting": 0, "running": 0, "complete": 2, "pruned": 0, "failed": 0, "stopped": 0}
    several = {
        "name": "digits",
        "state": "COMPLETE",
        "counts": counts,
        "spec": SPEC,
        "pareto": [trial(0), trial(1)],
        "submitted_at": NOON,
    }

    assert experiment_table([several], moment(NOON) or 0).rows[0] == (
        "digits",
        "COMPLETE",
        "2/20",
        "",
        "2 on the Pareto front",
        "tpe",
        "just now",
    )


@pytest.mark.parametrize(("columns", "shown"), [(None, "loss=0.5"), (80, "loss=0.5"), (58, "0.5")])
def test_a_narrow_list_has_the_best_values_without_the_name_of_the_metric(
    columns: int | None, shown: str
) -> None:
    counts = {"waiting": 0, "running": 0, "complete": 2, "pruned": 0, "failed": 0, "stopped": 0}
    found = {
        "name": "exp-56a70180d796",
        "state": "COMPLETE",
        "counts": counts,
        "spec": SPEC,
        "best": trial(0),
        "submitted_at": NOON,
    }

    (_, row) = listed([found], columns)

    assert row.split()[3] == shown


def test_failures_of_one_reason_share_a_line() -> None:
    reasons = {1: "a", 2: "b", 3: "a", 4: "a", 5: "a"}
    failed = [trial(n, state="FAIL", reason=reason) for n, reason in reasons.items()]

    assert failures([trial(0), *failed]) == ["1, 3-5: a", "2: b"]


def test_a_trial_that_gave_up_is_noted_with_the_last_it_wrote() -> None:
    tail = "Traceback …\nModuleNotFoundError: No module named 'torch'\n"
    failed = trial(1, state="FAIL", reason="it exited with 1", exit_code=1, log_tail=tail)

    (row,) = trial_table([failed], SPEC, 0).rows

    assert row[-1] == "it exited with 1: ModuleNotFoundError: No module named 'torch'"


def test_columns_without_anything_in_them_are_left_out() -> None:
    assert without_empty(Rows(("A", "B"), (("", "1"), ("", "2")))) == Rows(("B",), (("1",), ("2",)))
