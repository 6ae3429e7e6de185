"""Make calls to the store in parallel: a few, two, or a long sequence."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

MOST = 32
"""The most calls in parallel."""

STREAMED = 16
"""The most calls of a long sequence in parallel."""

AHEAD = 64
"""The most calls of a long sequence that begin before the first result is taken."""


def at_once(call: Callable[[T], U], arguments: Sequence[T]) -> list[U]:
    """Return the call's result for each argument, in order. Raises the first call's error."""
    if len(arguments) < 2:
        return [call(argument) for argument in arguments]
    with ThreadPoolExecutor(min(MOST, len(arguments))) as threads:
        return list(threads.map(call, arguments))


def streamed(call: Callable[[T], U], arguments: Iterable[T], most: int = STREAMED) -> Iterator[U]:
    """Like `at_once`, but takes arguments and holds results at most `AHEAD` in advance.

    At most `most` calls run at a time.

    Calls that have not begun are cancelled once one raises or the caller stops reading.
    """
    waiting: deque[Future[U]] = deque()
    with ThreadPoolExecutor(most) as threads:
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
    """Return the results of two calls. Raises the error of `one`, or else of `other`."""
    with ThreadPoolExecutor(1) as thread:
        later = thread.submit(other)
        first = one()
        return first, later.result()
