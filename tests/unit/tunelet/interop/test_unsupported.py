"""Spaces with parts that JSON cannot hold, or that make no sense, are refused with the name."""

import dataclasses
import datetime
import decimal
import enum
import functools
import math
import random
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy
import pytest
from hyperopt import hp
from hyperopt.pyll import scope
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

from tests.unit.tunelet.interop.written import space_of
from tunelet.errors import FieldError, Reject
from tunelet.interop import assemble, hyperparameters


class Color(enum.Enum):
    RED = 1


class Level(enum.StrEnum):
    LOW = "low"


class Hostile:
    """Every way to look at it fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __iter__(self) -> Any:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


class BadText(str):
    """A text with methods that fail."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError


class BadDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError

    __iter__ = keys = values = items


@dataclasses.dataclass
class Config:
    lr: float = 0.1


UNPLAIN: list[tuple[Any, str, str]] = [
    (lambda: 0.1, "a function", "training code"),
    (len, "a function", "training code"),
    (random.Random(1).random, "a function", "training code"),
    (functools.partial(int, 3), "functools.partial", "training code"),
    (Config, "the class Config", '"Config"'),
    (stats.loguniform(1e-5, 1e-1), "scipy.stats", '{"type": "float"'),
    (numpy.array([1, 2]), "numpy.ndarray", "tolist()"),
    (numpy.array(1.5), "numpy.ndarray", "tolist()"),
    (numpy.random.default_rng(1), "numpy.random", "training code"),
    (numpy.datetime64("2026-01-01"), "numpy.datetime64", "str()"),
    ({1, 2}, "builtins.set", "choices"),
    (range(3), "builtins.range", '"type": "int"'),
    ((one for one in (1, 2)), "builtins.generator", "choices"),
    (math, "a module", "name as text"),
    (Color.RED, "Color", "value"),
    (Config(), "Config", "asdict()"),
    (b"x", "builtins.bytes", "decode()"),
    (decimal.Decimal("0.1"), "decimal.Decimal", "float()"),
    (1 + 2j, "builtins.complex", "two hyperparameters"),
    (datetime.datetime(2026, 1, 1), "datetime.datetime", "isoformat()"),
    (MappingProxyType({"a": 1}), "mappingproxy", "dict()"),
    (object(), "builtins.object", "training code"),
    (Hostile(), "Hostile", "training code"),
]


def refused(space: Any) -> list[FieldError]:
    with pytest.raises(Reject) as caught:
        hyperparameters(space)
    assert all(error.message and error.remedy for error in caught.value.errors)
    return list(caught.value.errors)


BESIDE: dict[str, Callable[[Any], Any]] = {
    "alone": lambda part: {"lr": part},
    "beside Optuna's": lambda part: {"lr": part, "width": FloatDistribution(0, 20)},
    "beside Hyperopt's": lambda part: {"lr": part, "width": hp.uniform("width", 0, 20)},
    "among choices": lambda part: {"lr": {"type": "categorical", "choices": [1, part]}},
    "in a list": lambda part: {"lr": [1, [part]], "width": FloatDistribution(0, 20)},
    "as an option of Hyperopt's": lambda part: hp.choice("lr", [1, {"a": part}]),
    "as an option of Optuna's": lambda part: {"lr": CategoricalDistribution([1, part])},
}


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
@pytest.mark.parametrize("where", BESIDE)
@pytest.mark.parametrize(("part", "what", "remedy"), UNPLAIN, ids=lambda one: type(one).__name__)
def test_an_object_that_is_not_a_plain_value_is_refused_by_name(
    where: str, part: Any, what: str, remedy: str
) -> None:
    try:
        space = BESIDE[where](part)
    except Exception:  # noqa: BLE001 (the library itself takes no such part)
        pytest.skip("the library refuses it")
    (error,) = refused(space)
    assert error.field.startswith("hyperparameters.lr")
    assert what in error.message
    assert remedy in error.remedy


def test_all_parts_that_are_not_plain_values_are_named_at_once() -> None:
    found = refused({"a": {"b": [len, 1]}, "c": hp.choice("c", [1, object()]), "d": set()})
    assert [error.field for error in found] == [
        "hyperparameters.a.b[0]",
        "hyperparameters.c.choices[1]",
        "hyperparameters.d",
    ]


def test_scalars_of_numpy_and_subclasses_of_plain_types_are_plain() -> None:
    pair = namedtuple("pair", "a b")
    written = OrderedDict(
        lr={"type": "float", "min": numpy.float64(0.1), "max": numpy.float32(0.5)},
        n={"type": "int", "min": numpy.int64(1), "max": True + 8},
        c={"type": "categorical", "choices": (Level.LOW, BadText("x"), numpy.bool_(True))},
        t={"type": "categorical", "choices": pair(1, 2)},
        d=BadDict(type="categorical", choices=[1, 2]),
    )
    forms = hyperparameters(written)
    assert forms["n"] == {"type": "int", "min": 1, "max": 9}
    assert forms["c"]["choices"] == ["low", "x", True]
    assert forms["d"] == {"type": "categorical", "choices": [1, 2]}
    assert type(forms["c"]["choices"][1]) is str
    assert len(space_of(written)) == 5


def test_options_with_plain_names_keep_them() -> None:
    forms = hyperparameters({"lr": CategoricalDistribution([numpy.int64(3), math.inf])})
    assert forms["lr"]["choices"] == [3, "inf"]


@pytest.mark.parametrize("kind", [list, dict])
def test_a_space_that_contains_itself_is_refused(kind: type) -> None:
    inner: Any = kind()
    space = {"lr": inner, "width": FloatDistribution(0, 1)}
    inner.append(inner) if kind is list else inner.update(again=inner)
    (error,) = refused(space)
    assert error.field.startswith("hyperparameters.lr")
    assert "contains itself" in error.message


def test_a_space_that_is_nested_without_end_is_refused() -> None:
    chosen: Any = 1
    nested: Any = 1
    for depth in range(200):
        chosen = hp.choice(f"c{depth}", [chosen, 0])
        nested = [nested]
    assert "nested deeper" in refused({"x": chosen})[0].message
    assert "nested deeper" in refused({"x": nested})[0].message


def test_a_space_that_doubles_at_every_level_is_refused_in_time() -> None:
    doubled: Any = hp.uniform("u", 0, 1)
    for _ in range(40):
        doubled = [doubled, doubled]
    assert any("parts" in error.message for error in refused({"x": doubled}))


@pytest.mark.parametrize("key", [None, 1.5, (1, 2), b"a", True])
def test_names_are_text(key: Any) -> None:
    (error,) = refused({"x": {key: FloatDistribution(0, 1)}})
    assert error.field == "hyperparameters.x"
    assert "as a name" in error.message


@pytest.mark.parametrize(
    ("space", "message", "remedy"),
    [
        (lambda: hp.loguniform("lr", -11, 1000), "logarithm", "log(1e-05), log(0.1)"),
        (lambda: hp.loguniform("lr", 1, 5000), "logarithm", "log(1), log(5000)"),
        (lambda: hp.loguniform("lr", -1000, -900), "logarithm", "log(1e-05)"),
        (lambda: hp.qloguniform("lr", 0, 1e9, 1), "logarithm", "hp.qloguniform('lr'"),
        (lambda: hp.uniform("lr", -math.inf, 1), "not a finite number", "finite"),
        (lambda: hp.uniform("lr", 0, math.nan), "not a finite number", "finite"),
        (lambda: hp.uniform("lr", 0, 10**400), "too large", "smaller"),
        (lambda: hp.normal("lr", 0, math.inf), "not a finite number", "finite"),
        (lambda: hp.quniform("lr", 0, 1, math.nan), "not a finite number", "finite"),
        (lambda: hp.randint("lr", 2.5), "is not an integer", "whole"),
        (lambda: hp.randint("lr", math.nan), "not a finite number", "finite"),
        (lambda: hp.uniform("lr", "a", "b"), "is not a number", "write a number"),
        (lambda: hp.uniform("lr", None, 1), "is not a number", "write a number"),
        (lambda: hp.choice("lr", ["a", "b", "a"]), "occurs twice", "remove"),
        (lambda: hp.choice("lr", [1, True, 1.0]), "occurs twice", "remove"),
        (lambda: {"lr": CategoricalDistribution(["a", "a"])}, "occurs twice", "remove"),
        (lambda: {"lr": FloatDistribution(0, math.inf)}, "not a finite number", "finite"),
        (lambda: {"lr": FloatDistribution(math.nan, 1)}, "not a finite number", "finite"),
        (lambda: {"lr": IntDistribution(0, 10**30)}, "too large", "below 2^63"),
        (
            lambda: {"lr": {"type": "float", "min": math.nan, "max": 1}},
            "not a finite number",
            "finite",
        ),
        (lambda: {"lr": {"type": "float", "min": 0, "max": 10**30}}, "too large", "below 2^63"),
    ],
)
def test_a_bound_that_makes_no_sense_is_refused_with_the_name(
    space: Callable[[], Any], message: str, remedy: str
) -> None:
    error, *_ = refused(space())
    assert error.field.startswith("hyperparameters.lr")
    assert message in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    "space",
    [
        lambda: hp.loguniform("lr", 0, 0),
        lambda: hp.quniform("lr", 0, 1, 0),
        lambda: hp.quniform("lr", 0, 1, -1),
        lambda: hp.normal("lr", 0, -1),
        lambda: hp.randint("lr", 0),
        lambda: hp.randint("lr", 5, 2),
        lambda: hp.pchoice("lr", [(0.0, "a"), (1.0, "b")]),
        lambda: hp.pchoice("lr", [(-1.0, "a"), (2.0, "b")]),
        lambda: hp.uniform("lr with a blank", 0, 1),
        lambda: hp.uniform("lr\n", 0, 1),
        lambda: {"lr": {}},
        lambda: {"lr": []},
        lambda: {"lr": {"type": "categorical", "choices": []}},
    ],
)
def test_a_fault_in_a_space_is_refused_with_the_name(
    space: Callable[[], Any],
) -> None:
    with pytest.raises(Reject) as caught:
        space_of(space())
    assert all(error.field.startswith("hyperparameters.lr") for error in caught.value.errors)


def test_an_object_that_only_seems_to_be_a_librarys_is_refused() -> None:
    fake = type("FloatDistribution", (), {"__module__": "optuna.distributions"})()
    (error,) = refused({"lr": fake})
    assert error.field == "hyperparameters.lr"
    assert "cannot be read" in error.message


def test_functions_that_are_applied_to_hyperparameters_may_have_any_arguments() -> None:
    space = {"x": scope.getitem(numpy.array([1.0, 2.0]), hp.randint("place", 2))}
    assert hyperparameters(space)["place"]["type"] == "int"


def test_a_space_that_an_earlier_version_took_is_still_assembled() -> None:
    space = hp.choice("model", [Config, len])
    assert assemble(space, {"model": "Config"}) is Config
