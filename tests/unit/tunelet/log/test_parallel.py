"""Calls made at once: their order, their errors, and how far they run ahead."""

from collections.abc import Iterator
from threading import Event

import pytest

from tunelet.log.parallel import AHEAD, streamed

MANY = 3 * AHEAD


def test_results_come_in_the_order_of_the_arguments() -> None:
    second_is_done = Event()

    def call(number: int) -> int:
        if number == 0:
            assert second_is_done.wait(10)
        if number == 1:
            second_is_done.set()
        return -number

    assert list(streamed(call, range(MANY))) == [-number for number in range(MANY)]
    assert list(streamed(call, ())) == []


def test_arguments_are_taken_only_so_far_ahead_of_the_results() -> None:
    taken: list[int] = []

    def arguments() -> Iterator[int]:
        for number in range(MANY):
            taken.append(number)
            yield number

    results = streamed(str, arguments())
    for count in range(1, 4):
        next(results)
        assert len(taken) == AHEAD + count - 1


def test_an_error_is_raised_in_its_turn_and_ends_the_calls() -> None:
    called: list[int] = []

    def call(number: int) -> int:
        called.append(number)
        if number == 2:
            raise ValueError(number)
        return number

    results = streamed(call, range(MANY))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)
    assert len(called) <= AHEAD + 2


def test_no_more_calls_are_made_once_the_results_are_not_wanted() -> None:
    called: list[int] = []
    results = streamed(called.append, range(MANY))
    next(results)
    del results
    assert len(called) <= AHEAD
