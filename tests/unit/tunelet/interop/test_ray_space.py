"""Ray Tune's spaces: nested dicts of domains."""

from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.tunelet.interop.written import draws, same_distribution, space_of
from tunelet.errors import Reject
from tunelet.interop import assemble, hyperparameters

# Not importorskip: a module skipped as a whole counts in suites that never selected it.
absent = find_spec("ray") is None
pytestmark = [pytest.mark.libraries, pytest.mark.skipif(absent, reason="needs ray")]
tune: Any = None if absent else import_module("ray.tune")

EXACT = {
    "choice": lambda: tune.choice(["a", "b", "c"]),
    "loguniform": lambda: tune.loguniform(1e-4, 1e-1),
    "qloguniform": lambda: tune.qloguniform(0.1, 10, 0.1),
    "qrandint": lambda: tune.qrandint(3, 20, 4),
    "qrandint by one": lambda: tune.qrandint(3, 9, 1),
    "qrandn": lambda: tune.qrandn(10, 2, 0.2),
    "quniform": lambda: tune.quniform(-1.0, 1.0, 0.25),
    "randint": lambda: tune.randint(-9, 15),
    "randn": lambda: tune.randn(10, 2),
    "uniform": lambda: tune.uniform(-5, -1),
}
ROUNDED = {
    "lograndint": lambda: tune.lograndint(1, 100),
    "qlograndint": lambda: tune.qlograndint(4, 64, 4),
}
ALL = EXACT | ROUNDED


@st.composite
def spaces(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """Dicts of domains, grids, constants, lists and further dicts."""
    keys = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True))
    return {key: draw(members(depth)) for key in keys}


@st.composite
def members(draw: st.DrawFn, depth: int) -> Any:
    kinds = ["domain", "domain", "grid", "constant"] + ["dict", "list", "options"] * (depth > 0)
    match draw(st.sampled_from(kinds)):
        case "grid":
            return tune.grid_search([0, "x", (1, 2)])
        case "constant":
            return draw(st.sampled_from([None, 3, 0.5, "text", [1, 2], {}, numpy.float64(2.5)]))
        case "dict":
            return draw(spaces(depth - 1))
        case "list":
            return [draw(members(depth - 1)), ALL[draw(st.sampled_from(sorted(ALL)))]()]
        case "options":
            return tune.choice([{"kind": 1, "only": tune.uniform(0, 1)}, {"kind": 2}])
    return ALL[draw(st.sampled_from(sorted(ALL)))]()


def variant(written: Any, seed: int) -> Any:
    """The first config that Ray makes."""
    generator = import_module("ray.tune.search.variant_generator")
    rng = numpy.random.RandomState(seed)
    _, spec = next(generator.generate_variants({"config": written}, random_state=rng))
    return spec["config"]


def disassembled(written: Any, config: Any, path: tuple[Any, ...] = ()) -> dict[str, Any]:
    """The assignment of a config, by the places of the space."""
    name = ".".join(map(str, path))
    if isinstance(written, dict) and set(written) == {"grid_search"}:
        place = written["grid_search"].index(config)
        return {name: hyperparameters({name: written})[name]["choices"][place]}
    if hasattr(written, "categories"):
        if isinstance(config, dict):
            return {name: config["kind"]} | (
                {f"{name}.only": config["only"]} if "only" in config else {}
            )
        return {name: config}
    if hasattr(written, "lower"):
        return {name: config}
    if isinstance(written, dict):
        pairs: Any = [(key, each, config[key]) for key, each in written.items()]
    elif isinstance(written, list) and any(hasattr(each, "sample") for each in written):
        pairs = [(place, each, config[place]) for place, each in enumerate(written)]
    else:
        return {name: hyperparameters({name: written, "z": tune.randn()})[name]["choices"][0]}
    return {
        key: value
        for key_, each, known in pairs
        for key, value in disassembled(each, known, (*path, key_)).items()
    }


def searched(written: Any) -> bool:
    return bool(hyperparameters({**written, "z": tune.randn()}).keys() - {"z"})


@settings(max_examples=150)
@given(spaces(), st.integers(0, 2**31 - 1))
def test_a_draw_of_ray_is_an_assignment_and_assembles_to_the_same_config(
    written: dict[str, Any], seed: int
) -> None:
    written = {**written, "z": tune.randn()}
    space = space_of(written)
    config = variant(written, seed)
    assignment = disassembled(written, config)
    assert space.problems(assignment) == []
    assert assemble(written, assignment) == config


@settings(max_examples=150)
@given(spaces(), st.integers())
def test_our_draw_is_a_config_of_ray(written: dict[str, Any], seed: int) -> None:
    written = {**written, "z": tune.randn()}
    config = assemble(written, space_of(written).sample(Random(seed)))
    for key, part in written.items():
        if hasattr(part, "is_valid") and not isinstance(config[key], dict):
            assert part.is_valid(config[key])
        if isinstance(part, dict) and "grid_search" in part:
            assert config[key] in part["grid_search"]


@pytest.mark.parametrize("kind", EXACT)
def test_each_distribution_is_the_same(kind: str) -> None:
    domain = EXACT[kind]()
    rng = numpy.random.default_rng(3)
    rays = [domain.sample(random_state=rng) for _ in range(3000)]
    own = [drawn["x"] for drawn in draws(space_of({"x": domain}), 3000)]
    assert type(rays[0]) is type(own[0])
    assert same_distribution(rays, own)


@pytest.mark.parametrize("kind", ROUNDED)
def test_integers_on_a_log_scale_have_the_same_values_and_optunas_chances(kind: str) -> None:
    domain = ROUNDED[kind]()
    rng = numpy.random.default_rng(3)
    rays = {domain.sample(random_state=rng) for _ in range(20_000)}
    assert {drawn["x"] for drawn in draws(space_of({"x": domain}), 20_000)} == rays


def test_names_are_paths_and_a_trial_becomes_the_config_again() -> None:
    written = {
        "model": {"width": tune.choice([(64,), (64, 32)]), "depth": 3},
        "rates": [tune.uniform(0, 1), 0.5],
        "optimizer": tune.choice(
            [{"name": "sgd", "momentum": tune.uniform(0, 1)}, {"name": "adam"}]
        ),
        "batch": tune.grid_search([16, 32]),
    }
    assert hyperparameters(written) == {
        "model.width": {"type": "categorical", "choices": ["[64]", "[64, 32]"]},
        "model.depth": {"type": "categorical", "choices": [3]},
        "rates.0": {"type": "float", "min": 0.0, "max": 1.0},
        "rates.1": {"type": "categorical", "choices": [0.5]},
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
        "optimizer.momentum": {
            "type": "float",
            "min": 0.0,
            "max": 1.0,
            "when": {"optimizer": ["sgd"]},
        },
        "batch": {"type": "categorical", "choices": [16, 32]},
    }
    trial = {"model.width": "[64]", "model.depth": 3, "rates.0": 0.1, "rates.1": 0.5}
    trial |= {"optimizer": "adam", "batch": 16}
    assert assemble(written, trial) == {
        "model": {"width": (64,), "depth": 3},
        "rates": [0.1, 0.5],
        "optimizer": {"name": "adam"},
        "batch": 16,
    }


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (lambda: tune.sample_from(lambda config: 1), "is made by a function"),
        (lambda: tune.qrandint(1, 2, 5), "has no values"),
    ],
)
def test_a_space_that_cannot_be_expressed_is_refused_by_name(part: Any, message: str) -> None:
    with pytest.raises(Reject) as refused:
        hyperparameters({"model": {"x": part()}})
    (error,) = refused.value.errors
    assert error.field == "hyperparameters.model.x"
    assert message in error.message
    assert error.remedy


def test_one_name_for_two_distributions_is_refused() -> None:
    options = [{"k": "a", "x": tune.uniform(0, 1)}, {"k": "b", "x": tune.uniform(0, 2)}]
    with pytest.raises(Reject, match="two different distributions"):
        hyperparameters({"o": tune.choice(options)})
