"""A damaged experiment stops itself and leaves the others alone."""

import json

import pytest

from tests.unit.functions.conftest import World
from tunelet.log.entry import Damaged
from tunelet.log.reader import entry_key

SEQ = 2


@pytest.fixture
def world() -> World:
    """Two experiments with running trials; the log of one is altered without the service."""
    world = World()
    world.running(name="sound", max_trials=3)
    world.running(name="hurt", max_trials=3)
    key = entry_key("v1/default/hurt/", SEQ)
    stored = world.store.get(key)
    assert stored is not None
    world.store.put(key, stored.data.replace(b'"at"', b'"aT"'))
    return world.restarted()


def experiments_that_run(world: World) -> set[str]:
    return {run.experiment for run in world.launcher.running()}


def test_its_runs_are_stopped_and_those_of_others_go_on(world: World) -> None:
    assert experiments_that_run(world) == {"sound", "hurt"}
    assert world.service.sweep() == 1
    assert experiments_that_run(world) == {"sound"}
    assert world.service.sweep() == 1


def test_nothing_can_be_asked_of_it(world: World) -> None:
    for act in (world.service.experiment, world.service.stop, world.service.suggest):
        with pytest.raises(Damaged, match=f"entry {SEQ}"):
            act("default", "hurt")


def test_a_listing_shows_it_as_damaged_among_the_others(world: World) -> None:
    listed = json.loads(world.api.get("/api/experiments").data)["experiments"]
    assert [(one["name"], one["state"]) for one in listed] == [
        ("hurt", "DAMAGED"),
        ("sound", "RUNNING"),
    ]
    assert f"entry {SEQ}" in listed[0]["reason"]


def test_its_page_names_the_entry_and_the_command_to_run(world: World) -> None:
    answer = world.api.get("/api/experiments/hurt")
    assert answer.status_code == 500
    detail = json.loads(answer.data)["detail"]
    assert f"entry {SEQ}" in detail
    assert "tunelet verify" in detail
