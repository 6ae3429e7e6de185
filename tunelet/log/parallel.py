"""Calls that wait for the store, made at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

MOST = 32
"""Calls under way at once."""


def at_once(call: Callable[[T], U], arguments: Sequence[T]) -> list[U]:
    """What the call gives for each argument, in their order; raises what the first one raised."""
    if len(arguments) < 2:
        return [call(argument) for argument in arguments]
    with ThreadPoolExecutor(min(MOST, len(arguments))) as threads:
        return list(threads.map(call, arguments))


def both(one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
    """What two calls give; raises what the first one raised, or else the other."""
    with ThreadPoolExecutor(1) as thread:
        later = thread.submit(other)
        first = one()
        return first, later.result()
