"""The tree that a space of any library is read into. With an assignment it gives a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tunelet.interop.refusal import refusal
from tunelet.space.conditions import identity
from tunelet.text.messages import listed


@dataclass(frozen=True)
class Constant:
    """A fixed value."""

    value: Any


@dataclass(frozen=True)
class Leaf:
    """A hyperparameter that has its value from the assignment."""

    name: str
    form: Mapping[str, Any]
    """Its JSON form."""


@dataclass(frozen=True)
class Choice:
    """A hyperparameter with options. Its value in an assignment is an option's label."""

    name: str
    options: "tuple[Node, ...]"
    labels: tuple[Any, ...]
    """JSON scalars, all different."""
    weights: tuple[float, ...] = ()
    """Empty: all options are equally likely."""

    @property
    def form(self) -> dict[str, Any]:
        pairs = zip(self.labels, self.weights, strict=False)
        weighted = [{"value": label, "weight": weight} for label, weight in pairs]
        return {"type": "categorical", "choices": weighted or list(self.labels)}


@dataclass(frozen=True)
class Recorded:
    """A dict."""

    members: "tuple[tuple[Any, Node], ...]"


@dataclass(frozen=True)
class Row:
    """A list or a tuple."""

    items: "tuple[Node, ...]"
    kind: type[list[Any]] | type[tuple[Any, ...]]


@dataclass(frozen=True)
class Applied:
    """A function of hyperparameters, which only `assembled` calls."""

    function: Callable[..., Any]
    arguments: "tuple[Node, ...]"
    named: "tuple[tuple[str, Node], ...]" = ()


Node = Constant | Leaf | Choice | Recorded | Row | Applied


def below(node: Node) -> "tuple[Node, ...]":
    """Return the child nodes."""
    match node:
        case Choice():
            return node.options
        case Recorded():
            return tuple(each for _, each in node.members)
        case Row():
            return node.items
        case Applied():
            return (*node.arguments, *(each for _, each in node.named))
        case _:
            return ()


def assembled(node: Node, assignment: Mapping[str, Any]) -> Any:
    """Return the tree's value for an assignment. Raises `Reject` if a value is missing or wrong."""
    match node:
        case Constant():
            return node.value
        case Leaf():
            return _value(node.name, assignment)
        case Choice():
            return assembled(_chosen(node, assignment), assignment)
        case Recorded():
            members = (one for one in node.members if not _is_inactive(one[1], assignment))
            return {key: assembled(each, assignment) for key, each in members}
        case Row():
            return node.kind(assembled(each, assignment) for each in node.items)
        case Applied():
            arguments = [assembled(each, assignment) for each in node.arguments]
            named = {name: assembled(each, assignment) for name, each in node.named}
            return node.function(*arguments, **named)


def _is_inactive(node: Node, assignment: Mapping[str, Any]) -> bool:
    return isinstance(node, Leaf) and "when" in node.form and node.name not in assignment


def _value(name: str, assignment: Mapping[str, Any]) -> Any:
    if name not in assignment:
        raise refusal(name, None, "is missing", "give all values that the trial has")
    return assignment[name]


def _chosen(choice: Choice, assignment: Mapping[str, Any]) -> Node:
    value = _value(choice.name, assignment)
    for label, option in zip(choice.labels, choice.options, strict=True):
        if identity(label) == identity(value):
            return option
    remedy = f"use one of {listed(choice.labels)}"
    raise refusal(choice.name, value, "is not one of the choices", remedy)
