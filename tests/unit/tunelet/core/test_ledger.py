"""The ledger of a namespace, as a pure function."""

from hypothesis import given
from hypothesis import strategies as st

from tunelet.core.ledger import Ledger, Place


def due(experiment: str, count: int, first: int = 0) -> list[Place]:
    return [Place(experiment, "u", number, 1) for number in range(first, first + count)]


def test_an_admitted_attempt_stays_and_takes_no_second_place() -> None:
    ledger = Ledger().admitting("a", due("a", 3), 2)
    assert ledger.live == tuple(due("a", 2))
    assert ledger.waiting == ("a",)
    assert ledger.admitting("a", due("a", 2), 2) == Ledger(live=tuple(due("a", 2)))


def test_an_experiment_with_fewer_places_comes_first() -> None:
    ledger = Ledger().admitting("a", due("a", 5), 4).admitting("b", due("b", 5), 4)
    assert ledger.waiting == ("a", "b")
    freed = Ledger(live=ledger.live[1:], waiting=ledger.waiting)
    assert freed.admitting("a", due("a", 5), 4).live == freed.live
    assert len(freed.admitting("b", due("b", 5), 4).live) == 4


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 6)), max_size=40),
    st.integers(0, 5),
)
def test_there_are_never_more_than_the_quota(steps: list[tuple[str, int]], most: int) -> None:
    ledger = Ledger()
    for experiment, count in steps:
        before = ledger
        ledger = ledger.admitting(experiment, due(experiment, count), most)
        assert len(ledger.live) <= most
        assert ledger.live[: len(before.live)] == before.live
        assert len(set(ledger.waiting)) == len(ledger.waiting)
        if count and not set(due(experiment, count)) <= set(ledger.live):
            assert experiment in ledger.waiting


@given(st.permutations("abcd"))
def test_four_experiments_that_want_all_get_a_place_each(order: list[str]) -> None:
    """Each place that becomes free goes to one that has none, whichever asks first."""
    ledger = Ledger().admitting("a", due("a", 9), 4)
    for name in "bcd":
        ledger = ledger.admitting(name, due(name, 9), 4)
    for _ in range(3):
        first = next(place for place in ledger.live if place.experiment == "a")
        left = tuple(place for place in ledger.live if place != first)
        ledger = Ledger(live=left, waiting=ledger.waiting)
        for name in order:
            ledger = ledger.admitting(name, due(name, 9), 4)
    assert sorted(place.experiment for place in ledger.live) == ["a", "b", "c", "d"]
