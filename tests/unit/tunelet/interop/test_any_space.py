"""Whatever a space is made of, it is one that submit accepts, or refused with the name."""

import math
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy
from hyperopt import hp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

from tests.unit.tunelet.interop.written import space_of
from tunelet.errors import FieldError, Reject
from tunelet.space import Space

tune: Any = import_module("ray.tune") if find_spec("ray") else None

PLAIN = st.sampled_from(
    [None, True, 0, 1, -3, 0.5, "a", "b", "", "é", 10**30, math.inf, math.nan, numpy.float64(2.5)]
)
FOREIGN = st.sampled_from(
    [len, dict, math, numpy.arange(3), stats.uniform(0, 1), {1}, b"x", 1j, object(), iter(()), ...]
)
NUMBERS = st.sampled_from(
    [0, 1, -1, 2, 5, 0.1, 1e-5, 1000, -11, 1e300, 10**400, math.inf, -math.inf, math.nan, "1", None]
)
NAMES = st.sampled_from(["lr", "a b", "", "x\n", "ü", "1", "n" * 80, "a.b"])

Build = Callable[..., Any]
HYPEROPT: dict[str, tuple[Build, int]] = {
    "uniform": (hp.uniform, 2),
    "quniform": (hp.quniform, 3),
    "loguniform": (hp.loguniform, 2),
    "qloguniform": (hp.qloguniform, 3),
    "normal": (hp.normal, 2),
    "qlognormal": (hp.qlognormal, 3),
    "randint": (hp.randint, 1),
    "randint from": (hp.randint, 2),
    "uniformint": (hp.uniformint, 2),
}
OPTUNA: list[Build] = [
    lambda low, high, _: FloatDistribution(low, high),
    lambda low, high, _: FloatDistribution(low, high, log=True),
    lambda low, high, step: FloatDistribution(low, high, step=step),
    lambda low, high, step: IntDistribution(low, high, step=step),
]
RAY: list[Build] = [
    lambda low, high, _: tune.uniform(low, high),
    lambda low, high, _: tune.loguniform(low, high),
    lambda *numbers: tune.quniform(*numbers),  # noqa: PLW0108 (Ray may be absent)
    lambda *numbers: tune.qloguniform(*numbers),  # noqa: PLW0108 (Ray may be absent)
    lambda *numbers: tune.qrandint(*numbers),  # noqa: PLW0108 (Ray may be absent)
    lambda low, high, _: tune.lograndint(low, high),
    lambda *numbers: tune.qrandn(*numbers),  # noqa: PLW0108 (Ray may be absent)
]
FORMS: list[Build] = [
    lambda low, high, step: {"type": "float", "min": low, "max": high, "step": step},
    lambda low, high, step: {"type": "quantized", "min": low, "max": high, "step": step},
    lambda low, high, _: {"type": "normal", "mean": low, "std": high},
    lambda low, high, flag: {"type": "categorical", "choices": [low, high], "flag": flag},
]


def built(make: Callable[[], Any]) -> Any:
    """The library's object; None if the library refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return make()
        except Exception:  # noqa: BLE001 (whatever the library raises is its own refusal)
            return None


@st.composite
def parts(draw: st.DrawFn, depth: int = 2) -> Any:
    """A part of a space, valid or not."""
    kinds = ["plain", "foreign", "hyperopt", "optuna", "form"] + ["ray"] * (tune is not None)
    kind = draw(st.sampled_from(kinds + ["dict", "list", "choice", "options"] * (depth > 0)))
    numbers = [draw(NUMBERS) for _ in range(3)]
    inside = [draw(parts(depth - 1)) for _ in range(draw(st.integers(0, 3)))] if depth else []
    match kind:
        case "plain":
            return draw(PLAIN)
        case "foreign":
            return draw(FOREIGN)
        case "hyperopt":
            make, count = HYPEROPT[draw(st.sampled_from(sorted(HYPEROPT)))]
            name = draw(NAMES)
            return built(lambda: make(name, *numbers[:count]))
        case "optuna" | "ray" | "form":
            make = draw(st.sampled_from({"optuna": OPTUNA, "ray": RAY, "form": FORMS}[kind]))
            return built(lambda: make(*numbers))
        case "dict":
            return {draw(NAMES): one for one in inside}
        case "list":
            return inside
        case "choice":
            name = draw(NAMES)
            return built(lambda: hp.choice(name, inside))
    return built(lambda: CategoricalDistribution(inside))


def taken(written: Any) -> tuple[Space | None, tuple[FieldError, ...]]:
    """The space in the service's form, or its faults."""
    try:
        return space_of(written), ()
    except Reject as refusal:
        return None, refusal.errors


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(NAMES, parts(), max_size=4) | parts())
def test_any_space_is_accepted_or_refused_with_names(written: Any) -> None:
    space, errors = taken(written)
    assert (space is None) == bool(errors)
    for error in errors:
        assert error.field.startswith("hyperparameters")
        assert error.message
        assert error.remedy
