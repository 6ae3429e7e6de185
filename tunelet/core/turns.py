"""Take turns: a member with many items does not delay the others' first ones."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import chain, zip_longest
from typing import Generic, TypeVar

T = TypeVar("T")


def in_turns(groups: Iterable[Sequence[T]]) -> list[T]:
    """Return the first item of each group, then the second of each, and so on."""
    absent = object()
    rounds = chain.from_iterable(zip_longest(*groups, fillvalue=absent))
    return [item for item in rounds if item is not absent]  # type: ignore[misc]


def by_group(items: Iterable[T], group: Callable[[T], str]) -> dict[str, list[T]]:
    """Return the items of each group, in their order. The groups come in order of first items."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(group(item), []).append(item)
    return groups


class Turns(Generic[T]):
    """A queue in which namespaces take turns, and within a namespace its experiments.

    A new member comes before the one that had the last turn: it waits for no second item of
    a member that is alone. All methods take constant time, and longer only to pass namespaces over.
    """

    def __init__(self) -> None:
        self._namespaces: _Ring[_Ring[deque[T]]] = _Ring()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, namespace: str, experiment: str, item: T) -> None:
        experiments = self._namespaces.member(namespace, _Ring)
        experiments.member(experiment, deque).append(item)
        self._size += 1

    def namespaces(self) -> Iterable[str]:
        """Return the namespaces with items."""
        return self._namespaces.names()

    def pop(self) -> T:
        """Remove and return the next item. Raises `IndexError` if there is none."""
        return self.pop_except(())[1]

    def pop_except(self, passed_over: Container[str]) -> tuple[str, T]:
        """Like `pop`, return an item with its namespace. Those in `passed_over` keep their turns.

        Raises `IndexError` if no other has an item.
        """
        namespace, experiments = self._namespaces.turn(passed_over)
        experiment, items = experiments.turn()
        item = items.popleft()
        self._size -= 1
        if not items:
            experiments.remove(experiment)
        if not experiments:
            self._namespaces.remove(namespace)
        return namespace, item


class _Ring(Generic[T]):
    """Members by name, in the order of their turns."""

    def __init__(self) -> None:
        self._members: dict[str, T] = {}
        self._last: str | None = None
        """The member that had the last turn. It goes to the end only at the next one, so
        that members which come meanwhile are before it."""

    def __len__(self) -> int:
        return len(self._members)

    def member(self, name: str, new: Callable[[], T]) -> T:
        if name not in self._members:
            self._members[name] = new()
        return self._members[name]

    def names(self) -> Iterable[str]:
        return self._members.keys()

    def turn(self, passed_over: Container[str] = ()) -> tuple[str, T]:
        if self._last in self._members:
            self._members[self._last] = self._members.pop(self._last)
        found = next((name for name in self._members if name not in passed_over), None)
        if found is None:
            raise IndexError("no item waits")
        self._last = found
        return found, self._members[found]

    def remove(self, name: str) -> None:
        del self._members[name]
