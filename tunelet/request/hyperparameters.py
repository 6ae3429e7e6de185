"""What a hyperparameter means, and what can be wrong with that although its shape is right.

`canonical` is the form that stands in the log: defaults left out, one way to say a thing.
How hyperparameters depend on each other is looked at in `tunelet.request.dependencies`.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from tunelet.request.shapes import (
    Choices,
    FloatRange,
    Hyperparameter,
    IntRange,
    LogNormalPrior,
    NormalPrior,
    QuantizedRange,
    Range,
    plain,
)
from tunelet.space.conditions import identity
from tunelet.text.limits import SAFE_INTEGER
from tunelet.text.messages import shown

_TAIL = 9.0
"""Standard deviations within which a value must be representable."""
_LARGEST_LOG = 690.0
"""exp of this is just below 1e300."""


class Fault(NamedTuple):
    """What is wrong with a hyperparameter's field."""

    field: tuple[Any, ...]
    value: Any
    message: str
    remedy: str


def canonical(written: Hyperparameter) -> dict[str, Any]:
    """The canonical JSON of a hyperparameter without faults."""
    form: dict[str, Any]
    match written:
        case FloatRange() | IntRange():
            form = {"type": written.type, "min": written.min, "max": written.max}
            if (scale := _scale(written)) != "linear":
                form["scale"] = scale
            if written.step is not None and not (written.type == "int" and written.step == 1):
                form["step"] = written.step
        case Choices():
            form = {"type": written.type, "choices": _choices(written)}
            form |= {"flag": True} if written.flag else {}
        case NormalPrior():
            form = {"type": written.type, "mean": written.mean, "std": written.std}
            if written.step is not None:
                form["step"] = written.step
            if written.integer:
                form["integer"] = True
        case QuantizedRange():
            form = {"type": written.type, "min": written.min, "max": written.max}
            form["step"] = written.step
            if (scale := _scale(written)) != "linear":
                form["scale"] = scale
            if written.integer:
                form["integer"] = True
        case _:
            raise TypeError(type(written).__name__)
    if written.when:
        form["when"] = canonical_conditions(written)
    return form


def faults(written: Hyperparameter) -> Iterator[Fault]:
    """What is wrong with one hyperparameter by itself."""
    match written:
        case FloatRange() | IntRange():
            yield from _scale_faults(written)
            yield from _range_faults(written)
        case QuantizedRange():
            yield from _scale_faults(written)
            yield from _quantized_faults(written)
        case Choices():
            yield from _choice_faults(written)
        case NormalPrior():
            yield from _normal_faults(written)


def condition_faults(written: Hyperparameter) -> Iterator[Fault]:
    """What is wrong with its conditions by themselves."""
    for parent, wanted in (written.when or {}).items():
        yield from _when_faults(parent, wanted)


def canonical_conditions(written: Hyperparameter) -> dict[str, Any]:
    """The canonical JSON of its `when`: a list of values or a range by parent."""
    return {
        parent: plain(wanted) if isinstance(wanted, Range) else wanted
        for parent, wanted in (written.when or {}).items()
    }


def _scale(written: FloatRange | IntRange | QuantizedRange) -> str:
    if written.log:
        return "log"
    if isinstance(written, FloatRange) and written.reverse_log:
        return "reverse_log"
    return written.scale or "linear"


def _choices(written: Choices) -> list[Any]:
    if len({choice.weight for choice in written.choices}) == 1:
        return [choice.value for choice in written.choices]
    return [plain(choice) for choice in written.choices]


def _scale_faults(written: FloatRange | IntRange | QuantizedRange) -> Iterator[Fault]:
    asked = {name for name in ("log", "reverse_log") if getattr(written, name, False)}
    asked |= {written.scale} if written.scale else set()
    if len(asked) > 1:
        remedy = f"keep one of {', '.join(sorted(asked))}"
        yield Fault(("scale",), written.scale, "is said twice, and differently", remedy)
        return
    scale = _scale(written)
    if scale == "log" and written.min <= 0:
        least = 1 if isinstance(written, IntRange) else "a small positive number"
        remedy = f"use {least}, or a linear scale"
        yield Fault(("min",), written.min, "must be above 0 on a log scale", remedy)
    if scale == "reverse_log" and written.min < 0:
        yield Fault(("min",), written.min, "must be at least 0 on a reverse_log scale", "use 0")
    if scale == "reverse_log" and written.max >= 1:
        remedy = "use a number just below 1, such as 0.999"
        yield Fault(("max",), written.max, "must be below 1 on a reverse_log scale", remedy)
    if scale != "linear" and written.step is not None and not _steps_on_any_scale(written):
        remedy = f"leave out either the step or the {scale} scale"
        yield Fault(("step",), written.step, "goes with a linear scale only", remedy)


def _steps_on_any_scale(written: FloatRange | IntRange | QuantizedRange) -> bool:
    return isinstance(written, QuantizedRange) or (
        isinstance(written, IntRange) and written.step == 1
    )


def _not_ascending(low: float, high: float) -> Iterator[Fault]:
    if low >= high:
        remedy = f'swap them, or fix it with {{"type": "categorical", "choices": [{shown(low)}]}}'
        yield Fault(("max",), high, f"must be above min, which is {low}", remedy)


def _range_faults(written: FloatRange | IntRange) -> Iterator[Fault]:
    low, high, step = written.min, written.max, written.step
    if low >= high:
        yield from _not_ascending(low, high)
    elif step is not None and step > high - low:
        yield Fault(("step",), step, "is larger than the range", f"use at most {high - low:g}")
    elif step is not None and isinstance(written, FloatRange):
        finest = max((high - low) / SAFE_INTEGER, math.ulp(max(abs(low), abs(high))))
        if step < finest:
            remedy = f"use at least {finest:g}, or no step"
            yield Fault(("step",), step, "is finer than floats are in this range", remedy)


def _quantized_faults(written: QuantizedRange) -> Iterator[Fault]:
    step, extent = written.step, max(abs(written.min), abs(written.max))
    yield from _not_ascending(written.min, written.max)
    if written.integer and not step.is_integer():
        remedy = "use a whole step, or leave out integer"
        yield Fault(("step",), step, "must be whole for an integer", remedy)
    elif written.integer and extent > SAFE_INTEGER:
        remedy = "use bounds between -(2^53 - 1) and 2^53 - 1"
        yield Fault(("max",), written.max, "makes integers beyond 2^53", remedy)
    elif extent / step > SAFE_INTEGER:
        remedy = f"use at least {extent / SAFE_INTEGER:g}"
        yield Fault(("step",), step, "is finer than floats are in this range", remedy)


def _choice_faults(written: Choices) -> Iterator[Fault]:
    seen: set[tuple[bool, object]] = set()
    for index, choice in enumerate(written.choices):
        key = identity(choice.value)
        if key in seen:
            remedy = "remove it, or give the first one more weight"
            yield Fault(("choices", index), choice.value, "is there twice", remedy)
        seen.add(key)
    if written.flag and not any(_is_optional(choice.value) for choice in written.choices):
        message = "means nothing without a choice that is true, false or null"
        yield Fault(("flag",), True, message, 'leave it out, or use "choices": [true, false]')


def _is_optional(choice: Any) -> bool:
    """Whether a flag that has this value is left out, or is only its name."""
    return choice is None or isinstance(choice, bool)


def _normal_faults(written: NormalPrior) -> Iterator[Fault]:
    step = written.step
    if written.integer and step is not None and not step.is_integer():
        remedy = "use a whole step, or leave out integer"
        yield Fault(("step",), step, "must be whole for an integer", remedy)
    extent = abs(written.mean) + _TAIL * written.std
    if isinstance(written, LogNormalPrior):
        if extent > _LARGEST_LOG:
            remedy = "give mean and std of the logarithm: about 2.3 for values about 10"
            yield Fault(("mean",), written.mean, "makes values of any size", remedy)
            return
        extent = math.exp(written.mean + _TAIL * written.std)
    if extent > 1e300:
        yield Fault(("std",), written.std, "makes values beyond 1e300", "use a smaller std")
    elif written.integer and extent > SAFE_INTEGER:
        remedy = "use a smaller mean and std, or leave out integer"
        yield Fault(("std",), written.std, "makes integers beyond 2^53", remedy)
    elif step is not None and extent / step > SAFE_INTEGER:
        remedy = f"use at least {extent / SAFE_INTEGER:g}, or no step"
        yield Fault(("step",), step, "is finer than floats are in this range", remedy)


def _when_faults(parent: str, wanted: list[Any] | Range) -> Iterator[Fault]:
    field = ("when", parent)
    if isinstance(wanted, list):
        if not wanted:
            yield Fault(field, wanted, "names no value", "name at least one value")
    elif wanted.min is None and wanted.max is None:
        yield Fault(field, None, "is a range without bounds", 'add "min" or "max"')
    elif wanted.min is not None and wanted.max is not None and wanted.min > wanted.max:
        yield Fault((*field, "max"), wanted.max, f"is below min, {wanted.min:g}", "swap them")
