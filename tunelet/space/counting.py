"""Counts the assignments of a finite space with conditions.

Parameters are decided one after another. For each set of later parameters that have become inactive
it keeps the number of ways to get there. So it needs neither the assignments nor all values of a
large grid, only the points at which a condition begins or ceases to hold.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tunelet.space.base import Grid, Parameter
from tunelet.space.bounded import Categorical
from tunelet.space.conditions import Condition, OneOf

_INTRICATE = 4096
"""Counting stops without a result if there are more sets of inactive parameters."""


def assignments(parameters: list[Parameter]) -> int | None:
    """Return the number of assignments; None if it is infinite or takes too long to count."""
    if any(one.count is None for one in parameters):
        return None
    children = _children(parameters)
    states = Counter({frozenset[str](): 1})
    for one in _children_next(parameters, children):
        states = _decided(one, children[one.name], states)
        if len(states) > _INTRICATE:
            return None
    return sum(states.values())


def _decided(
    one: Parameter, below: list[Parameter], states: Counter[frozenset[str]]
) -> Counter[frozenset[str]]:
    """The states after one parameter is decided: it has a value, or is inactive."""
    after: Counter[frozenset[str]] = Counter()
    outcomes = _outcomes(one, below)
    for dead, ways in states.items():
        if one.name in dead:
            after[(dead - {one.name}).union(child.name for child in below)] += ways
            continue
        for killed, values in outcomes.items():
            after[dead | killed] += ways * values
    return after


def _children(parameters: Iterable[Parameter]) -> dict[str, list[Parameter]]:
    found: dict[str, list[Parameter]] = defaultdict(list)
    for one in parameters:
        for parent in one.when:
            found[parent].append(one)
    return found


def _children_next(
    parameters: list[Parameter], children: Mapping[str, list[Parameter]]
) -> Iterator[Parameter]:
    """Parents first, then children as soon as possible, so that few are undecided at a time."""
    missing = {one.name: len(one.when) for one in parameters}
    stack = [one for one in reversed(parameters) if not one.when]
    while stack:
        one = stack.pop()
        yield one
        for child in children.get(one.name, ()):
            missing[child.name] -= 1
            if not missing[child.name]:
                stack.append(child)


def _outcomes(parent: Parameter, children: list[Parameter]) -> Counter[frozenset[str]]:
    """The number of a finite parent's values by the set of children that they make inactive."""
    grid = Grid(parent, parent.count or 0)
    found: Counter[frozenset[str]] = Counter()
    asked = [child.when[parent.name] for child in children]
    for first, end in pairwise(cuts(parent, grid, asked)):
        value = grid[first]
        dead = (one.name for one in children if not one.when[parent.name].holds(value))
        found[frozenset(dead)] += end - first
    return found


def cuts(parent: Parameter, values: Sequence[Any], conditions: Iterable[Condition]) -> list[int]:
    """Return indices that cut `values` into ranges within which no condition changes its result.

    The first is 0 and the last the number of values. `values` are some of the parent's, ascending
    unless they are choices.
    """
    if isinstance(parent, Categorical):
        return list(range(len(values) + 1))
    found = {0, len(values)}
    for one in conditions:
        edges = one.values if isinstance(one, OneOf) else (one.min, one.max)
        found.update(side(values, edge) for edge in edges for side in (bisect_left, bisect_right))
    return sorted(found)
