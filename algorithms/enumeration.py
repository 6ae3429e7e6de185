"""All combinations of a space's values, numbered and made on demand.

A conditional hyperparameter multiplies only the branches in which it is active, so the
combinations are the leaves of a tree. Subtrees are counted, not listed: finding a combination by
its number takes time in the number of hyperparameters, however large the space is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tunelet.core.trial import Assignment, Scalar
from tunelet.space import Parameter, Space
from tunelet.space.counting import cuts

Links = frozenset[tuple[str, str]]
"""Pairs of parent and child: the parent's value fulfils the child's condition."""


_Place = tuple[int, Links]
"""A parameter's index, and the links that it and later parameters depend on."""


class Stretch(NamedTuple):
    """Neighbouring values of a parent that fulfil the same children's conditions."""

    start: int
    stop: int
    links: Links


class Enumeration:
    """The combinations of `values`: those of each parameter, by its name, numbers ascending."""

    def __init__(self, space: Space, values: Mapping[str, Sequence[Scalar]]) -> None:
        self._trees = [_Tree(tree, values) for tree in _components(space)]
        self._order = tuple(space.parameters)
        self.size = math.prod(tree.size for tree in self._trees)

    def at(self, index: int) -> Assignment:
        """Return combination number `index`, 0 <= index < size."""
        found: Assignment = {}
        for tree in reversed(self._trees):
            index, part = divmod(index, tree.size)
            found.update(tree.at(part))
        return {name: found[name] for name in self._order if name in found}


class _Tree:
    """Parameters connected by conditions, parents first."""

    def __init__(
        self, parameters: Sequence[Parameter], values: Mapping[str, Sequence[Scalar]]
    ) -> None:
        self._parameters = parameters
        self._values = [values[parameter.name] for parameter in parameters]
        self._stretches = [
            list(_stretches(parameter, values[parameter.name], parameters))
            for parameter in parameters
        ]
        self._pending = [
            frozenset(later.name for later in parameters[i:]) for i in range(len(parameters) + 1)
        ]
        self._counts: dict[_Place, int] = {}
        self.size = self._below(0, frozenset())

    def at(self, index: int) -> Assignment:
        found: Assignment = {}
        links: Links = frozenset()
        for i, parameter in enumerate(self._parameters):
            if not _active(parameter, links):
                continue
            for stretch in self._stretches[i]:
                after = self._after(i, links | stretch.links)
                each = self._below(i + 1, after)
                if index < (whole := (stretch.stop - stretch.start) * each):
                    break
                index -= whole
            place, index = divmod(index, each)
            found[parameter.name] = self._values[i][stretch.start + place]
            links = after
        return found

    def _below(self, i: int, links: Links) -> int:
        """The number of combinations of the parameters from `i` on."""
        # Not by recursion: a space may have more parameters than the interpreter's stack has room.
        counts, waiting = self._counts, [(i, links)]
        while waiting:
            place = waiting[-1]
            if place in counts:
                waiting.pop()
                continue
            following = self._following(*place)
            left = [after for _, after in following if after not in counts]
            waiting += left
            if not left:
                end = place[0] == len(self._parameters)
                counts[place] = 1 if end else sum(ways * counts[after] for ways, after in following)
        return counts[i, links]

    def _following(self, i: int, links: Links) -> list[tuple[int, "_Place"]]:
        """Where each value of parameter `i` leads, and how many values lead there."""
        if i == len(self._parameters):
            return []
        if not _active(self._parameters[i], links):
            return [(1, (i + 1, self._after(i, links)))]
        return [
            (stretch.stop - stretch.start, (i + 1, self._after(i, links | stretch.links)))
            for stretch in self._stretches[i]
        ]

    def _after(self, i: int, links: Links) -> Links:
        """Only the links that a parameter after `i` depends on, so that counts are shared."""
        return frozenset(link for link in links if link[1] in self._pending[i + 1])


def _active(parameter: Parameter, links: Links) -> bool:
    return all((parent, parameter.name) in links for parent in parameter.when)


def _components(space: Space) -> Iterator[list[Parameter]]:
    """Groups of parameters without conditions between groups.

    Within a group, each branch comes whole before the next one, so that the count of the rest
    depends on few links.
    """
    group_of: dict[str, list[Parameter]] = {}
    groups: list[list[Parameter]] = []
    for parameter in space:
        joined = [parameter]
        for group in {id(group_of[p]): group_of[p] for p in parameter.when}.values():
            groups = [other for other in groups if other is not group]
            joined = group + joined
        groups.append(joined)
        group_of.update({member.name: joined for member in joined})
    return (_branch_by_branch(group) for group in groups)


def _branch_by_branch(group: Sequence[Parameter]) -> list[Parameter]:
    placed: dict[str, Parameter] = {}
    waiting = [parameter for parameter in reversed(group) if not parameter.when]
    while waiting:
        parameter = waiting.pop()
        placed[parameter.name] = parameter
        waiting += [
            child
            for child in reversed(group)
            if parameter.name in child.when and child.when.keys() <= placed.keys()
        ]
    return list(placed.values())


def _stretches(
    parent: Parameter, values: Sequence[Scalar], parameters: Sequence[Parameter]
) -> Iterator[Stretch]:
    asked = {
        child.name: child.when[parent.name] for child in parameters if parent.name in child.when
    }
    if not asked:
        yield Stretch(0, len(values), frozenset())
        return
    for start, stop in pairwise(cuts(parent, values, asked.values())):
        fulfilled = (name for name, condition in asked.items() if condition.holds(values[start]))
        yield Stretch(start, stop, frozenset((parent.name, name) for name in fulfilled))
