"""The search space: hyperparameters, when each is active, and draws from the prior.

Built from the normalized `hyperparameters` of a spec, which `tunelet.request.spec.parse`
has checked. A parameter is active if every parent in its `when` is active and has a value that
meets the condition; an assignment holds the active parameters and no others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from tunelet.errors import FieldError
from tunelet.space.base import Grid, Parameter
from tunelet.space.bounded import Categorical, Float, Int
from tunelet.space.conditions import Condition, conditions
from tunelet.space.normal import LogNormal, Normal
from tunelet.space.quantized import Quantized
from tunelet.text.messages import MOST, near_miss, path, shown

if TYPE_CHECKING:
    from tunelet.core.trial import Assignment, Scalar

_KINDS: dict[str, Callable[..., Parameter]] = {
    "float": Float,
    "int": Int,
    "normal": Normal,
    "lognormal": LogNormal,
    "quantized": Quantized,
}


def parameter(name: str, form: Mapping[str, Any]) -> Parameter:
    """The parameter that a canonical JSON form stands for."""
    fields = dict(form)
    kind = fields.pop("type")
    when = conditions(fields.pop("when", {}))
    if kind == "categorical":
        return _categorical(name, fields["choices"], when)
    if fields.get("integer"):
        fields.setdefault("step", 1.0)
    return _KINDS[kind](name, when=when, **fields)


def _categorical(name: str, choices: Sequence[Any], when: dict[str, Condition]) -> Categorical:
    if not any(isinstance(choice, dict) for choice in choices):
        return Categorical(name, tuple(choices), when=when)
    values = tuple(choice["value"] for choice in choices)
    return Categorical(name, values, tuple(choice["weight"] for choice in choices), when=when)


class Space:
    """Parameters by name, every one after its parents, else in the order of the request."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = {one.name: one for one in parents_first(list(parameters))}

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Mapping[str, Any]]) -> "Space":
        """The space of a normalized spec's `hyperparameters`."""
        return cls(parameter(name, form) for name, form in hyperparameters.items())

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters.values())

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    @property
    def conditional(self) -> bool:
        """Whether some parameter may be inactive."""
        return any(one.when for one in self)

    def active(self, assignment: "Mapping[str, Scalar]") -> tuple[str, ...]:
        """The parameters that are active given these values.

        A parameter whose parent has no value yet is not active.
        """
        values: Assignment = {}
        found = []
        for one in self:
            if _is_active(one, values):
                found.append(one.name)
                if one.name in assignment:
                    values[one.name] = assignment[one.name]
        return tuple(found)

    def build(self, value: "Callable[[Parameter], Scalar]") -> "Assignment":
        """The assignment in which each active parameter has the value that `value` gives it.

        `value` is called for active parameters only, parents first.
        """
        assignment: Assignment = {}
        for one in self:
            if _is_active(one, assignment):
                assignment[one.name] = value(one)
        return assignment

    def sample(self, rng: Random) -> "Assignment":
        """An assignment drawn from the prior."""
        return self.build(lambda one: one.from_unit(rng.random()))

    def canonical(self, assignment: "Mapping[str, Scalar]") -> "Assignment":
        """An assignment without problems in the space's order, types and grid points."""
        return self.build(lambda one: one.canonical(assignment[one.name]))

    def problems(self, assignment: object, field_prefix: str = "") -> list[FieldError]:
        """Everything that keeps this from being an assignment of the space."""
        if not isinstance(assignment, dict):
            remedy = "write an object of hyperparameters by name"
            return [FieldError(field_prefix, shown(assignment), "must be an object", remedy)]
        unknown = [name for name in assignment if name not in self.parameters]
        found = [
            FieldError(
                path([name], field_prefix),
                None,
                "is not a hyperparameter of this experiment",
                near_miss(name, self.parameters),
            )
            for name in unknown[:MOST]
        ]
        active = frozenset(self.active(assignment))
        for one in self:
            found += self._problems_of(one, assignment, one.name in active, field_prefix)
        return found

    def possible(self, assignment: "Assignment") -> bool:
        """Whether every value is one that its parameter can have, whatever is active.

        Those from another experiment may not be.
        """
        return all(
            name in self.parameters and self.parameters[name].fault(value) is None
            for name, value in assignment.items()
        )

    def size(self) -> int | None:
        """The number of different assignments.

        None if it is infinite, or if conditions are so intertwined that counting takes long.
        """
        from tunelet.space.counting import assignments

        return assignments(list(self))

    def grid_values(self, parameter: Parameter | str) -> "Sequence[Scalar] | None":
        """All values of a parameter, made on demand; None if there are infinitely many."""
        one = self[parameter] if isinstance(parameter, str) else parameter
        return None if one.count is None else Grid(one, one.count)

    def _problems_of(
        self, one: Parameter, assignment: dict[str, Any], active: bool, prefix: str
    ) -> list[FieldError]:
        field = path([one.name], prefix)
        if one.name not in assignment:
            missing = FieldError(field, None, "is missing", "give it a value")
            return [missing] if active else []
        value = assignment[one.name]
        if active:
            fault = one.fault(value)
            return [FieldError(field, shown(value), *fault)] if fault else []
        if any(parent not in assignment for parent in one.when):
            remedy = f"leave it out, or give values to {' and '.join(one.when)} too"
            return [FieldError(field, shown(value), "is given without its parent", remedy)]
        wanted = " and ".join(f"{parent} must {how}" for parent, how in one.when.items())
        message = f"is not active here: {wanted}"
        return [FieldError(field, shown(value), message, "leave it out")]


def _is_active(one: Parameter, values: "Mapping[str, Scalar]") -> bool:
    """Whether it is active, where `values` holds those of active parameters only."""
    return all(
        parent in values and condition.holds(values[parent])
        for parent, condition in one.when.items()
    )


def parents_first(parameters: list[Parameter]) -> list[Parameter]:
    """In the given order, but with every parameter behind its parents.

    Raises `ValueError` if parents are unknown or go in a circle.
    """
    placed: dict[str, Parameter] = {}
    waiting = parameters
    while waiting:
        behind = []
        for one in waiting:
            if all(parent in placed for parent in one.when):
                placed[one.name] = one
            else:
                behind.append(one)
        if len(behind) == len(waiting):
            raise ValueError(f"conditions without end: {', '.join(one.name for one in behind)}")
        waiting = behind
    return list(placed.values())
