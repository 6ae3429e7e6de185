"""Ray Tune's domains.

Each has an equal form, except two: `lograndint` and `qlograndint` round their draws down. Tunelet
rounds integers on a log scale to the nearest, as Optuna does (and Ray's OptunaSearch converts these
domains to Optuna's). A grid is an ordinary choice: the algorithm chooses among its options.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tunelet.interop.labels import labels
from tunelet.interop.plain import number
from tunelet.interop.refusal import refusal
from tunelet.interop.tree import Choice, Constant, Leaf, Node
from tunelet.space.base import decimal

Form = dict[str, Any]

_MOST_STEPS = 2**53


def has(part: Any) -> bool:
    if issubclass(type(part), dict):
        return len(part) == 1 and isinstance(part.get("grid_search"), list)
    return type(part).__module__ == "ray.tune.search.sample"


def parts(domain: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the options of a choice with their places."""
    for index, each in enumerate(getattr(domain, "categories", ())):
        yield (*place, "choices", index), each


def read(domain: Any, name: str, option: Callable[[Any], Node]) -> Node:
    """Return the node of the domain with the path `name`. `option` reads an option of a choice.

    Raises `Reject` for `tune.sample_from`, and for bounds or steps that are not valid.
    """
    if isinstance(domain, dict) and "grid_search" in domain:
        return _choice(name, domain["grid_search"], option)
    match type(domain).__name__:
        case "Categorical":
            return _choice(name, domain.categories, option)
        case "Integer":
            return _leaf(name, _integer(name, domain.lower, domain.upper, *_sampler(domain)))
        case "Float":
            return _leaf(name, _float(name, domain, *_sampler(domain)))
        case _:
            remedy = "use a choice whose options hold domains, or compute it in the training code"
            raise refusal(name, domain, "is made by a function, which JSON cannot hold", remedy)


def _choice(name: str, values: Any, option: Callable[[Any], Node]) -> Choice:
    options = tuple(option(each) for each in values)
    return Choice(name, options, labels(options))


def _leaf(name: str, form: Form) -> Node:
    """The hyperparameter; if it has a single value, a choice with one option."""
    if form.get("min", 0) < form.get("max", 1):
        return Leaf(name, form)
    return Choice(name, (Constant(form["min"]),), (form["min"],))


def _sampler(domain: Any) -> tuple[Any, Any]:
    """The sampler, and the step to which its draws are rounded, or None."""
    sampler = domain.get_sampler()
    return (sampler.sampler, sampler.q) if hasattr(sampler, "q") else (sampler, None)


def _float(name: str, domain: Any, sampler: Any, q: float | None) -> Form:
    step = None if q is None else _step(name, q)
    if hasattr(sampler, "sd"):
        mean, std = number(name, sampler.mean), number(name, sampler.sd)
        form: Form = {"type": "normal", "mean": mean, "std": std}
        return form if step is None else form | {"step": step}
    low, high = number(name, domain.lower), number(name, domain.upper)
    if step is None:
        return {"type": "float", "min": low, "max": high} | _scale(sampler)
    if max(abs(low), abs(high)) / step > _MOST_STEPS:
        raise refusal(name, step, "is a step finer than floats are in this range", "use a larger q")
    # Ray requires bounds that are multiples of q, up to rounding errors.
    low, high = (float(round(bound / step) * decimal(step)) for bound in (low, high))
    return {"type": "quantized", "min": low, "max": high, "step": step} | _scale(sampler)


def _step(name: str, q: Any) -> float:
    step = number(name, q)
    if step <= 0:
        raise refusal(name, step, "has a q that is not above 0", "use a positive q, or none")
    return step


def _whole(name: str, value: Any) -> int:
    found = number(name, value)
    if not found.is_integer():
        raise refusal(name, found, "is not an integer", "use a whole number")
    return int(value)


def _integer(name: str, low: Any, high: Any, sampler: Any, step: Any) -> Form:
    scale = _scale(sampler)
    lower, upper = _whole(name, low), _whole(name, high)
    q = None if step is None else _whole(name, _step(name, step))
    if q in (None, 1):
        return {"type": "int", "min": int(lower), "max": int(upper) - 1} | scale
    first, last = -(-lower // q), upper // q
    if first > last:
        remedy = f"use bounds with a multiple of {q} between them"
        raise refusal(name, [lower, upper], "has no values", remedy)
    if not scale or first == last:
        return {"type": "int", "min": first * q, "max": last * q, "step": q}
    bounds = {"min": (first - 0.5) * q, "max": (last + 0.5) * q}
    return {"type": "quantized", **bounds, "step": float(q), "integer": True} | scale


def _scale(sampler: Any) -> Form:
    return {"scale": "log"} if type(sampler).__name__ == "_LogUniform" else {}
