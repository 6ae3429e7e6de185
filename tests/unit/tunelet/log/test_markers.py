"""Markers of lives: none is removed while a sweep may need it, and all are removed at last."""

import pytest

from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.log.markers import STALE, Marker, Markers, announcing


class Place:
    """Markers in a store, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.markers = Markers(MemoryStore(), lambda: self.now)
        self.state: Experiment | None = None

    def does(self, *commands: c.Command) -> Experiment:
        for command in commands:
            self.state = evolve_all(self.state, decide(self.state, command, self.now))
        assert self.state is not None
        return self.state

    def left(self, marker: Marker, at_rest: bool) -> bool:
        """Tidy; returns whether the marker stays."""
        self.markers.tidy(marker, self.state, at_rest)
        return marker in self.markers.live(set())


FIRST = Marker("default", "e", "u", 0)


@pytest.fixture
def place() -> Place:
    place = Place()
    place.markers.set(FIRST)
    return place


def test_the_marker_of_a_life_that_may_still_begin_stays_for_an_hour(place: Place) -> None:
    place.now += STALE - 1
    assert place.left(FIRST, at_rest=True)
    place.now += 2
    assert not place.left(FIRST, at_rest=True)
    assert list(place.markers.names("default")) == []


def test_the_marker_of_a_life_that_may_have_runs_stays(place: Place) -> None:
    place.now += STALE + 1
    assert place.left(FIRST, at_rest=False)


def test_the_marker_of_the_present_life_stays_until_it_is_at_rest(place: Place) -> None:
    place.does(c.Submit("u", SPEC))
    assert place.left(FIRST, at_rest=False)
    assert not place.left(FIRST, at_rest=True)


def test_the_marker_of_a_later_life_stays_for_an_hour(place: Place) -> None:
    place.does(c.Submit("u", SPEC), c.Stop())
    later = announcing("default", "e", "u", 1)
    place.markers.set(later)
    assert place.left(later, at_rest=True)
    place.now += STALE + 1
    assert not place.left(later, at_rest=True)


def test_the_marker_of_an_earlier_life_goes(place: Place) -> None:
    place.does(c.Submit("u", SPEC), c.Stop(), c.Resume(0))
    assert not place.left(FIRST, at_rest=False)


def test_two_markers_of_one_life_are_two(place: Place) -> None:
    """The one that is removed late must not take the other with it."""
    one, two = (announcing("default", "e", "u", 1) for _ in range(2))
    assert one.key != two.key
