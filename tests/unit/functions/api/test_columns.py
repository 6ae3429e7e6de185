"""Columns have what the trials have, and asking again costs only what has changed."""

from typing import Any

import pytest

from functions.api import columns
from tests.unit.functions.api.test_openapi import fits
from tests.unit.functions.conftest import World
from tunelet.log.compaction import WINDOW
from tunelet.log.rows import Row

ONE = "/api/experiments/digits"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_pages", columns.Kept())


def with_trials(world: World, many: int = 0) -> None:
    """An experiment whose trials have left its state: each is an entry, and windows close."""
    world.running(max_trials=1000, parallel_trials=2)
    for number in range(many):
        finished = {"hyperparameters": {"x": number / 1000}, "values": {"objective": number}}
        body = {"trials": [finished], "count": True}
        assert world.api.post(f"{ONE}/import", json=body).status_code == 200


def end(world: World, number: int, value: float = 0.5) -> None:
    headers = {"Authorization": f"Bearer {world.token('digits', number)}"}
    outcome = {"state": "COMPLETE", "values": {"objective": value}}
    ended = world.api.post(f"{ONE}/trials/{number}/outcome", json=outcome, headers=headers)
    assert ended.status_code == 200


def asked(world: World, query: str = "") -> Any:
    answer = world.api.get(f"{ONE}/columns{query}").json
    fits("Columns", answer)
    return answer


def states(found: Any) -> dict[int, str]:
    names = [found["state_names"][code] for code in found["states"]]
    return dict(zip(found["numbers"], names, strict=True))


def test_columns_agree_with_the_trials(world: World) -> None:
    with_trials(world, WINDOW + 10)
    end(world, 0)
    found = asked(world)
    rows = world.api.get(f"{ONE}/trials?limit=500").json["trials"]
    assert found["trials"]["numbers"] == [row["number"] for row in rows]
    assert list(states(found["trials"]).values()) == [row["state"] for row in rows]
    assert found["trials"]["hyperparameters"]["x"] == [row["hyperparameters"]["x"] for row in rows]
    objective = [row["values"].get("objective") for row in rows]
    assert found["trials"]["values"]["objective"] == objective
    assert found["more"] is False
    assert found["last"] == rows[-1]["number"]


def test_pages_join_without_a_gap(world: World) -> None:
    with_trials(world, WINDOW + 10)
    numbers, after, more = [], -1, True
    while more:
        page = asked(world, f"?after={after}&limit=7")
        numbers += page["trials"]["numbers"]
        after, more = page["last"], page["more"]
    assert numbers == list(range(WINDOW + 12))


def test_asking_again_has_only_new_trials_and_those_that_were_open(world: World) -> None:
    with_trials(world, 3)
    first = asked(world)
    open_ones = [number for number, state in states(first["trials"]).items() if state == "RUNNING"]
    assert open_ones == [0, 1]
    end(world, 1)
    world.service.suggest("default", "digits")
    again = asked(world, f"?after={first['last']}&open=0,1")
    assert states(again["changed"]) == {0: "RUNNING", 1: "COMPLETE"}
    assert again["changed"]["values"]["objective"] == [None, 0.5]
    assert again["trials"]["numbers"] == [5]


def test_an_open_trial_is_found_after_it_left_the_state(world: World) -> None:
    with_trials(world)
    end(world, 0, 0.25)
    for number in range(WINDOW + 5):
        finished = {"hyperparameters": {"x": 0.5}, "values": {"objective": number}}
        world.api.post(f"{ONE}/import", json={"trials": [finished]})
    assert 0 not in world.service.experiment("default", "digits").trials
    again = asked(world, "?after=1000&open=0,1,999")
    assert states(again["changed"]) == {0: "COMPLETE", 1: "RUNNING"}


def test_a_page_of_ended_trials_is_kept_and_others_are_not(world: World) -> None:
    with_trials(world, 5)
    assert states(asked(world, "?limit=2")["trials"]) == {0: "RUNNING", 1: "RUNNING"}
    end(world, 0)
    end(world, 1)
    assert states(asked(world, "?limit=2")["trials"]) == {0: "COMPLETE", 1: "COMPLETE"}
    read = world.service.rows

    def unread(*_: object) -> Any:
        raise AssertionError("the page was read again")

    world.service.rows = unread  # type: ignore[method-assign]
    assert states(asked(world, "?limit=2")["trials"]) == {0: "COMPLETE", 1: "COMPLETE"}
    world.service.rows = read  # type: ignore[method-assign]


def test_another_life_of_the_name_does_not_get_kept_pages(world: World) -> None:
    with_trials(world, 5)
    end(world, 0)
    end(world, 1)
    asked(world, "?limit=2")
    world.api.delete(ONE)
    with_trials(world, 5)
    assert states(asked(world, "?limit=2")["trials"]) == {0: "RUNNING", 1: "RUNNING"}


def test_progress_has_the_trials_at_which_the_best_got_better(world: World) -> None:
    world.running(constraints=[{"metric": "size", "max": 5}], max_trials=1000)
    for value, size in ((3.0, 1), (1.0, 9), (2.0, 1), ("NaN", 1), (2.5, 1), (0.5, 5)):
        values = {"objective": value, "size": size}
        body = {"trials": [{"hyperparameters": {"x": 0.5}, "values": values}], "count": True}
        assert world.api.post(f"{ONE}/import", json=body).status_code == 200
    found = world.api.get(f"{ONE}/progress").json
    fits("Progress", found)
    first = found["improvements"][0]["number"]
    numbers = [(each["number"] - first, each["value"]) for each in found["improvements"]]
    assert numbers == [(0, 3.0), (2, 2.0), (5, 0.5)]


def test_progress_of_an_experiment_without_results_is_empty(world: World) -> None:
    with_trials(world)
    assert world.api.get(f"{ONE}/progress").json["improvements"] == []


@pytest.mark.parametrize("query", ["open=", "open=1,", "open=x", "limit=0", "limit=50001"])
def test_a_wrong_query_is_explained(world: World, query: str) -> None:
    with_trials(world)
    answer = world.api.get(f"{ONE}/columns?{query}")
    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert error["field"] == query.partition("=")[0]


def test_trials_are_found_by_their_numbers_with_their_notes(world: World) -> None:
    with_trials(world, 2 * WINDOW)
    world.api.put(f"{ONE}/trials/9/note", json={"note": "odd"})
    found = world.restarted().api.get(f"{ONE}/trials?numbers=70,9,999999,9&limit=1").json
    fits("TrialPage", found)
    assert found["next"] is None
    assert found["trials"] == [world.api.get(f"{ONE}/trials/{n}").json for n in (9, 70)]
    assert found["trials"][0]["note"] == "odd"
    for wrong in ("", "x", "1,,2"):
        assert world.api.get(f"{ONE}/trials?numbers={wrong}").status_code == 422


def test_the_revision_changes_with_the_spec_and_with_notes_and_stays_otherwise(
    world: World,
) -> None:
    with_trials(world, 2)
    seen = [asked(world)["revision"]]
    assert world.api.get(ONE).json["revision"] == seen[0]
    end(world, 0)
    assert asked(world)["revision"] == seen[0]
    world.service.extend("default", "digits", {"parallel_trials": 9})
    seen.append(asked(world)["revision"])
    world.api.put(f"{ONE}/note", json={"note": "a"})
    seen.append(asked(world)["revision"])
    world.api.put(f"{ONE}/trials/0/note", json={"note": "b"})
    seen.append(asked(world)["revision"])
    assert len(set(seen)) == 4


def test_columns_name_retries_and_the_time_of_earlier_attempts(world: World) -> None:
    with_trials(world, 1)
    headers = {"Authorization": f"Bearer {world.token('digits', 0)}"}
    failed = {"state": "FAIL", "reason": "exit code 1"}
    world.api.post(f"{ONE}/trials/0/outcome", json=failed, headers=headers)
    made = world.api.post(f"{ONE}/trials/0/retry").json
    found = asked(world)["trials"]
    assert found["retries"] == {str(made["number"]): 0}
    assert found["earlier_seconds"] == {}


def test_columns_have_the_attributes_that_fit_a_cell(world: World) -> None:
    assert world.api.post("/api/studies", json={"name": "s", "directions": ["minimize"]}).json
    given = {
        **{"host": "a", "gpus": 2, "warm": True, "none": None, "long": "x" * 101},
        **{"list": [1], "nested": {"a": 1}},
    }
    commands = [
        {"type": "CreateTrial", "key": "k0", "by": "k0", "changes": {"attributes": given}},
        {"type": "CreateTrial", "key": "k1", "by": "k1"},
        {"type": "CreateTrial", "key": "k2", "by": "k2", "changes": {"attributes": {"host": "b"}}},
        {"type": "EndTrial", "number": 0, "by": "k0", "state": "FAIL"},
    ]
    assert world.api.post("/api/studies/1/commands", json={"commands": commands}).status_code == 200
    (study,) = world.api.get("/api/overview").json["experiments"]
    answer = world.api.get(f"/api/experiments/{study['name']}/columns").json
    fits("Columns", answer)
    assert answer["trials"]["attributes"] == {
        **{"host": {"0": "a", "2": "b"}, "gpus": {"0": 2}, "warm": {"0": True}}
    }


def test_columns_have_at_most_thirty_attributes() -> None:
    rows = [Row(n, {}, 0.0, attributes={f"a{n}": n, "a0": 1}) for n in range(40)]
    found = columns._columns(rows)["attributes"]
    assert list(found) == [f"a{n}" for n in range(30)]
    assert len(found["a0"]) == 40
