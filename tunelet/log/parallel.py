"""Calls that wait for the store, made at once: few, two, or a long sequence."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

MOST = 32
"""Calls under way at once."""

STREAMED = 16
"""Calls of a long sequence that are under way at once."""

AHEAD = 64
"""Calls of a long sequence that are begun before the result of the first is taken."""


def at_once(call: Callable[[T], U], arguments: Sequence[T]) -> list[U]:
    """What the call gives for each argument, in their order; raises what the first one raised."""
    if len(arguments) < 2:
        return [call(argument) for argument in arguments]
    with ThreadPoolExecutor(min(MOST, len(arguments))) as threads:
        return list(threads.map(call, arguments))


def streamed(call: Callable[[T], U], arguments: Iterable[T]) -> Iterator[U]:
    """As `at_once`, but takes arguments and holds results no more than `AHEAD` in advance.

    The calls that have not begun are left out once one raises or the results are not wanted.
    """
    waiting: deque[Future[U]] = deque()
    with ThreadPoolExecutor(STREAMED) as threads:
        try:
            for argument in arguments:
                waiting.append(threads.submit(call, argument))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def both(one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
    """What two calls give; raises what the first one raised, or else the other."""
    with ThreadPoolExecutor(1) as thread:
        later = thread.submit(other)
        first = one()
        return first, later.result()
