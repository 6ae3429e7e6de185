"""A cache within bounds: what was put least recently goes first."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from math import inf
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """At most `count` values, which together weigh at most `weight`.

    The newest `least` values stay, whatever they weigh. A value is used by taking it and putting
    it again; `get` leaves the order as it is. Threads that share a cache hold a lock of their own.
    """

    def __init__(self, *, count: float = inf, weight: float = inf, least: int = 0) -> None:
        self._most = count
        self._heaviest = weight
        self._least = least
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: K) -> V | None:
        found = self._values.get(key)
        return found[0] if found is not None else None

    def take(self, key: K) -> V | None:
        """Remove the value of this key; None if there is none."""
        value, weight = self._values.pop(key, (None, 0))
        self._weight -= weight
        return value

    def put(self, key: K, value: V, weight: int = 1) -> None:
        """Keep this value in place of the key's last one, and drop the oldest beyond the bounds."""
        self.take(key)
        self._values[key] = value, weight
        self._weight += weight
        while len(self._values) > self._most or (
            self._weight > self._heaviest and len(self._values) > self._least
        ):
            _, (_, weight) = self._values.popitem(last=False)
            self._weight -= weight

    def clear(self) -> None:
        self._values.clear()
        self._weight = 0

    def values(self) -> Iterator[V]:
        """The values, the oldest first."""
        return (value for value, _ in self._values.values())
