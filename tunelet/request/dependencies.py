"""What can be wrong with how hyperparameters depend on each other.

Found are unknown parents, values that a parent never has, circles, chains that are too long, and
parameters that could never be active because an ancestor would need two values at once.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from tunelet.errors import FieldError
from tunelet.space import parents_first
from tunelet.space.base import Parameter
from tunelet.space.conditions import Between, Condition, OneOf
from tunelet.text.limits import CONDITIONS
from tunelet.text.messages import MOST, near_miss, path, shown

When = Mapping[str, Condition]


def problems(
    parameters: Mapping[str, Parameter], whens: Mapping[str, When], names: Collection[str]
) -> list[FieldError]:
    """What is wrong with the conditions `whens`.

    `names` are all hyperparameters that were given, `parameters` those whose values are
    known: nothing can be said about what a parent can be that has faults itself.
    """
    each = (
        problem
        for name, when in whens.items()
        for parent, condition in when.items()
        for problem in _parent_problems(name, parent, condition, parameters, names)
    )
    found = list(islice(each, MOST + 1))
    found += _cycles(whens)
    complete = parameters.keys() == whens.keys() == set(names)
    if found or not complete:
        return found
    return _too_deep(parameters) or _contradictions(parameters)


def satisfiable(parameter: Parameter, wanted: Collection[Condition]) -> bool:
    """Whether some value of the parameter meets all these conditions at once."""
    lists = [one for one in wanted if isinstance(one, OneOf)]
    if lists:
        return any(
            parameter.fault(value) is None and all(one.holds(value) for one in wanted)
            for value in lists[0].values
        )
    ranges = [one for one in wanted if isinstance(one, Between)]
    low = max((one.min for one in ranges), default=-math.inf)
    return parameter.reaches(low, min((one.max for one in ranges), default=math.inf))


def _parent_problems(
    name: str,
    parent: str,
    condition: Condition,
    parameters: Mapping[str, Parameter],
    names: Collection[str],
) -> Iterator[FieldError]:
    field = path(["hyperparameters", name, "when", parent])
    if parent not in names:
        others = [other for other in names if other != name]
        yield FieldError(field, None, "is not a hyperparameter", near_miss(parent, others))
        return
    if parent not in parameters:
        return
    above = parameters[parent]
    if isinstance(condition, Between):
        if not satisfiable(above, [condition]):
            remedy = f"use a range in which {parent} has values"
            yield FieldError(field, None, f"can never hold: {parent} cannot {condition}", remedy)
        return
    for value in condition.values:
        if fault := above.fault(value):
            message = f"can never hold: the value {fault.message}"
            yield FieldError(field, shown(value), message, fault.remedy)
        elif above.continuous:
            message = f"has the probability zero, since {parent} is continuous"
            remedy = 'use a range: {"min": …, "max": …}'
            yield FieldError(field, shown(value), message, remedy)


def _cycles(whens: Mapping[str, When]) -> list[FieldError]:
    """One problem for each circle of conditions."""
    bound = _without_ends(whens)
    found, seen = [], set[str]()
    for start in bound:
        trail: dict[str, None] = {}
        name = start
        while name not in trail and name not in seen:
            trail[name] = None
            name = next(parent for parent in whens[name] if parent in bound)
        if name in trail:
            names = list(trail)
            circle = [*names[names.index(name) :], name]
            message = f"goes in a circle: {' needs '.join(circle)}"
            field = path(["hyperparameters", circle[0], "when", circle[1]])
            found.append(FieldError(field, None, message, "remove one of these conditions"))
        seen.update(trail)
    return found


def _without_ends(whens: Mapping[str, When]) -> dict[str, None]:
    """The names in a circle, or below one."""
    bound = dict.fromkeys(whens)
    free: list[str] = ["?"]
    while free:
        free = [n for n in bound if not any(parent in bound for parent in whens[n])]
        for name in free:
            del bound[name]
    return bound


def _too_deep(parameters: Mapping[str, Parameter]) -> list[FieldError]:
    """The first parameter that more conditions in a row lead to than may be."""
    levels: dict[str, int] = {}
    for one in parents_first(list(parameters.values())):
        levels[one.name] = 1 + max((levels[parent] for parent in one.when), default=-1)
        if levels[one.name] > CONDITIONS:
            field = path(["hyperparameters", one.name, "when"])
            message = f"is more than {CONDITIONS} conditions deep"
            remedy = f"let at most {CONDITIONS} conditions depend on each other"
            return [FieldError(field, None, message, remedy)]
    return []


def _contradictions(parameters: Mapping[str, Parameter]) -> list[FieldError]:
    """Parameters that can never be active, since an ancestor would need two values at once."""
    contested = _contested(parameters)
    needs: dict[str, dict[str, set[Condition]]] = {}
    found = []
    for one in parents_first(list(parameters.values())):
        mine: dict[str, set[Condition]] = {}
        for parent, condition in one.when.items():
            for ancestor, wanted in needs[parent].items():
                mine.setdefault(ancestor, set()).update(wanted)
            if parent in contested:
                mine.setdefault(parent, set()).add(condition)
        torn = next((name for name in mine if not satisfiable(parameters[name], mine[name])), None)
        if torn:
            field = path(["hyperparameters", one.name, "when"])
            both = " and ".join(sorted(str(each) for each in mine[torn])[:5])
            message = f"can never hold: {torn} would have to {both}"
            found.append(FieldError(field, None, message, "loosen one of the conditions"))
        needs[one.name] = {} if torn else mine
    return found


def _contested(parameters: Mapping[str, Parameter]) -> set[str]:
    """Parents of which not all children want the same."""
    wanted: dict[str, set[Condition]] = {}
    for one in parameters.values():
        for parent, condition in one.when.items():
            wanted.setdefault(parent, set()).add(condition)
    return {parent for parent, conditions in wanted.items() if len(conditions) > 1}
