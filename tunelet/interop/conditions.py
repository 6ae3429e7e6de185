"""The hyperparameters of a tree with their conditions.

A hyperparameter is active if the options that contain it are chosen. Several options may contain
it. That is a condition of a request if the values of one parent describe it ("classifier is svm or
forest"), but not if it needs different parents ("kernel is rbf, or classifier is forest").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunelet.interop.refusal import refusal
from tunelet.interop.tree import Choice, Leaf, Node, below

Where = Mapping[str, frozenset[int]]
"""The places of the allowed options, by the name of the choice. All choices must match."""


@dataclass
class _Found:
    node: Leaf | Choice
    wheres: list[Where] = field(default_factory=list)


def forms(tree: Node) -> dict[str, dict[str, Any]]:
    """Return the JSON form of each hyperparameter by name, in the order of the tree.

    Raises `Reject` if a name has two distributions, or if no single condition describes the options
    that contain a hyperparameter.
    """
    found: dict[str, _Found] = {}
    for node, where in _occurrences(tree, {}):
        known = found.setdefault(node.name, _Found(node))
        if known.node.form != node.form or _names(known.node) != _names(node):
            remedy = "give each of them a name of its own"
            raise refusal(node.name, None, "names two different distributions", remedy)
        known.wheres.append(where)
    counts = {name: len(below(one.node)) for name, one in found.items()}
    wheres = {name: _joined(name, one.wheres, counts) for name, one in found.items()}
    return {
        name: dict(one.node.form) | _when(_without_implied(wheres[name], wheres), found)
        for name, one in found.items()
    }


def _names(node: Node) -> set[str]:
    return {each.name for each, _ in _occurrences(node, {})}


def _occurrences(node: Node, where: Where) -> Iterator[tuple[Leaf | Choice, Where]]:
    if isinstance(node, Leaf | Choice):
        yield node, where
    for place, each in enumerate(below(node)):
        inside = {**where, node.name: frozenset([place])} if isinstance(node, Choice) else where
        yield from _occurrences(each, inside)


def _joined(name: str, wheres: Sequence[Where], counts: Mapping[str, int]) -> Where:
    """One condition that holds if any of these does."""
    left = list({frozenset(where.items()): where for where in wheres}.values())
    while len(left) > 1:
        pair = next(_pairs(left, counts), None)
        if pair is None:
            message = "is inside options that no single condition describes"
            remedy = "give it another name in each of the options"
            raise refusal(name, None, message, remedy)
        one, other, both = pair
        left = [each for each in left if each is not one and each is not other] + [both]
    return left[0]


def _pairs(
    wheres: Sequence[Where], counts: Mapping[str, int]
) -> Iterator[tuple[Where, Where, Where]]:
    """Pairs that can be joined, each with its union."""
    for place, one in enumerate(wheres):
        for other in wheres[place + 1 :]:
            both = _either(one, other, counts)
            if both is not None:
                yield one, other, both


def _either(one: Where, other: Where, counts: Mapping[str, int]) -> Where | None:
    if _implies(one, other):
        return other
    if _implies(other, one):
        return one
    differing = [name for name in one if one[name] != other.get(name)]
    if one.keys() != other.keys() or len(differing) != 1:
        return None
    (name,) = differing
    options = one[name] | other[name]
    rest = {each: options for each, options in one.items() if each != name}
    return rest if len(options) == counts[name] else {**rest, name: options}


def _implies(one: Where, other: Where) -> bool:
    """Whether `other` holds whenever `one` does."""
    return all(name in one and one[name] <= options for name, options in other.items())


def _without_implied(where: Where, wheres: Mapping[str, Where]) -> Where:
    """The condition without parts that hold whenever one of its parents is active."""
    return {
        name: options
        for name, options in where.items()
        if not any(parent != name and _implies(wheres[parent], {name: options}) for parent in where)
    }


def _when(where: Where, found: Mapping[str, _Found]) -> dict[str, Any]:
    when = {}
    for name, options in where.items():
        choice = found[name].node
        assert isinstance(choice, Choice)
        when[name] = [choice.labels[place] for place in sorted(options)]
    return {"when": when} if when else {}
