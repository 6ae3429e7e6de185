"""How many assignments a finite space has, conditions considered.

Parameters are decided one after the other; what is carried along is in how many ways each set
of later parameters may have become inactive. That needs neither the assignments themselves
nor the values of a large grid, only the points at which a condition starts and stops to hold.
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
"""Sets of inactive parameters beyond which counting is given up."""


def assignments(parameters: list[Parameter]) -> int | None:
    """The number of assignments; None if infinite, or if it takes too long to tell."""
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
    """The states after all values of one parameter, or after its absence."""
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
    """Parents first, and children as soon as possible, so that few are undecided at a time."""
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
    """How many of a finite parent's values make which of its children inactive."""
    grid = Grid(parent, parent.count or 0)
    found: Counter[frozenset[str]] = Counter()
    asked = [child.when[parent.name] for child in children]
    for first, end in pairwise(cuts(parent, grid, asked)):
        value = grid[first]
        dead = (one.name for one in children if not one.when[parent.name].holds(value))
        found[frozenset(dead)] += end - first
    return found


def cuts(parent: Parameter, values: Sequence[Any], conditions: Iterable[Condition]) -> list[int]:
    """Indices between which no condition's answer changes, with those of both ends.

    `values` are some of the parent's: ascending, unless they are choices.
    """
    if isinstance(parent, Categorical):
        return list(range(len(values) + 1))
    found = {0, len(values)}
    for one in conditions:
        edges = one.values if isinstance(one, OneOf) else (one.min, one.max)
        found.update(side(values, edge) for edge in edges for side in (bisect_left, bisect_right))
    return sorted(found)
