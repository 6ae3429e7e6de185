"""The search space: hyperparameters, their conditions, and draws from the prior.

It is built from the normalized `hyperparameters` of a spec, which `tunelet.request.spec.parse` has
checked. A parameter is active if every parent in its `when` is active and has a value that meets
the condition. An assignment has the active parameters and no others.
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
    """Return the parameter with this name and canonical JSON form."""
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
    """Parameters by name, in the order of the request, but each after its parents.

    Raises `ValueError` if parents are unknown or form a cycle.
    """

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = {one.name: one for one in parents_first(list(parameters))}

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Mapping[str, Any]]) -> "Space":
        """Return the space of a normalized spec's `hyperparameters`."""
        return cls(parameter(name, form) for name, form in hyperparameters.items())

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters.values())

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    @property
    def conditional(self) -> bool:
        """Whether any parameter has a condition."""
        return any(one.when for one in self)

    def active(self, assignment: "Mapping[str, Scalar]") -> tuple[str, ...]:
        """Return the names of the parameters that are active given these values.

        A parameter is not active as long as a parent has no value.
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
        """Return an assignment: call `value` for each active parameter, parents first."""
        assignment: Assignment = {}
        for one in self:
            if _is_active(one, assignment):
                assignment[one.name] = value(one)
        return assignment

    def sample(self, rng: Random) -> "Assignment":
        """Return an assignment drawn from the prior."""
        return self.build(lambda one: one.from_unit(rng.random()))

    def canonical(self, assignment: "Mapping[str, Scalar]") -> "Assignment":
        """Return a valid assignment in the space's order, types and grid points."""
        return self.build(lambda one: one.canonical(assignment[one.name]))

    def problems(self, assignment: object, field_prefix: str = "") -> list[FieldError]:
        """Return every reason why this is not an assignment of the space; empty if it is one."""
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
        """Whether every value is valid for its parameter; conditions are not checked.

        A value of another experiment may not be valid.
        """
        return all(
            name in self.parameters and self.parameters[name].fault(value) is None
            for name, value in assignment.items()
        )

    def size(self) -> int | None:
        """Return the number of different assignments.

        None if it is infinite, or if the conditions are too intertwined to count quickly.
        """
        from tunelet.space.counting import assignments

        return assignments(list(self))

    def grid_values(self, parameter: Parameter | str) -> "Sequence[Scalar] | None":
        """Return all values of a parameter, made on demand; None if there are infinitely many."""
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
    """Whether the parameter is active; `values` has the values of active parameters only."""
    return all(
        parent in values and condition.holds(values[parent])
        for parent, condition in one.when.items()
    )


def parents_first(parameters: list[Parameter]) -> list[Parameter]:
    """Return the parameters in the given order, but each after its parents.

    Raises `ValueError` if parents are unknown or form a cycle.
    """
    placed: dict[str, Parameter] = {}
    waiting = parameters
    while waiting:
        left = []
        for one in waiting:
            if all(parent in placed for parent in one.when):
                placed[one.name] = one
            else:
                left.append(one)
        if len(left) == len(waiting):
            raise ValueError(f"conditions form a cycle: {', '.join(one.name for one in left)}")
        waiting = left
    return list(placed.values())
