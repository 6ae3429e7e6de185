"""The overview lists what a page of many experiments shows, and what may still change."""

from tests.unit.functions.api.test_openapi import fits
from tests.unit.functions.conftest import World


def test_it_shows_state_progress_and_the_best_trial(world: World) -> None:
    name = world.running(labels={"team": "vision"})
    headers = {"Authorization": f"Bearer {world.token(name, 0)}"}
    outcome = {"state": "COMPLETE", "values": {"objective": 0.25}}
    world.api.post(f"/api/experiments/{name}/trials/0/outcome", json=outcome, headers=headers)
    page = world.api.get("/api/overview").json
    fits("OverviewPage", page)
    (row,) = page["experiments"]
    assert row["best"] == {"number": 0, "values": {"objective": 0.25}}
    assert row["counts"]["complete"] == 1
    assert row["labels"] == {"team": "vision"}
    assert row["objectives"] == [{"metric": "objective", "direction": "minimize"}]


def test_it_has_pages_by_name(world: World) -> None:
    for name in ("a", "b", "c"):
        world.running(name=name)
    first = world.api.get("/api/overview?limit=2").json
    assert [row["name"] for row in first["experiments"]] == ["a", "b"]
    rest = world.api.get(first["next"]).json
    assert [row["name"] for row in rest["experiments"]] == ["c"]
    assert rest["next"] is None


def test_live_lists_only_experiments_that_may_still_change(world: World) -> None:
    world.running(name="ended")
    world.running(name="running")
    world.service.stop("default", "ended")
    live = [row["name"] for row in world.api.get("/api/overview?live=true").json["experiments"]]
    assert live == ["ended", "running"]  # the first ended a moment ago
    for marker in list(world.service._markers.live(set())):
        if marker.name == "ended":
            world.service._markers.tidy(
                marker, world.service.experiment("default", "ended"), at_rest=True
            )
    live = [row["name"] for row in world.api.get("/api/overview?live=true").json["experiments"]]
    assert live == ["running"]


def test_live_has_pages_too(world: World) -> None:
    for name in ("a", "a-b", "c"):
        world.running(name=name)
    names, path = [], "/api/overview?live=true&limit=1"
    while path:
        page = world.api.get(path).json
        names += [row["name"] for row in page["experiments"]]
        path = page["next"]
    assert sorted(names) == ["a", "a-b", "c"]


def test_live_lists_the_namespace_of_the_path_only(world: World) -> None:
    world.running(name="here")
    world.running(name="there", namespace="team")
    page = world.api.get("/api/namespaces/team/overview?live=true").json
    assert [row["name"] for row in page["experiments"]] == ["there"]
