"""The search space: which values there are, how likely each is, and when it is active."""

import json
import math
from collections import Counter
from random import Random
from statistics import NormalDist, fmean, stdev
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunelet.space import Parameter, Space

CONDITIONAL: dict[str, dict[str, Any]] = {
    "classifier": {"type": "categorical", "choices": ["svm", "forest"]},
    "kernel": {"type": "categorical", "choices": ["rbf", "poly"], "when": {"classifier": ["svm"]}},
    "degree": {"type": "int", "min": 2, "max": 5, "when": {"kernel": ["poly"]}},
    "coef": {
        "type": "float",
        "min": 0.0,
        "max": 1.0,
        "step": 0.25,
        "when": {"degree": {"min": 4, "max": None}},
    },
    "trees": {"type": "int", "min": 1, "max": 3, "when": {"classifier": ["forest"]}},
}


def one(form: dict[str, Any]) -> Parameter:
    return Space.of({"x": form})["x"]


def draws(form: dict[str, Any], count: int = 20_000) -> list[Any]:
    space, rng = Space.of({"x": form}), Random(7)
    return [space.sample(rng)["x"] for _ in range(count)]


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    """The canonical form of any one parameter."""
    kind = draw(
        st.sampled_from(["float", "step", "log", "reverse", "int", "intlog", "cat", "n", "round"])
    )
    low, width = draw(st.floats(-1e6, 1e6)), draw(st.floats(1e-3, 1e6))
    ints = draw(st.tuples(st.integers(-(10**9), 10**9), st.integers(1, 10**9)))
    match kind:
        case "float":
            return {"type": "float", "min": low, "max": low + width}
        case "step":
            step = draw(st.floats(width / 1000, width))
            return {"type": "float", "min": low, "max": low + width, "step": step}
        case "log":
            low = draw(st.floats(1e-12, 1e6))
            return {"type": "float", "min": low, "max": low + width, "scale": "log"}
        case "reverse":
            low = draw(st.floats(0, 0.5))
            high = draw(st.floats(0.6, 0.999999))
            return {"type": "float", "min": low, "max": high, "scale": "reverse_log"}
        case "int":
            step = draw(st.integers(1, ints[1]))
            return {"type": "int", "min": ints[0], "max": sum(ints), "step": step}
        case "intlog":
            low = draw(st.integers(1, 10**6))
            return {"type": "int", "min": low, "max": low + ints[1], "scale": "log"}
        case "round":
            scale = draw(st.sampled_from(["linear", "log"]))
            low = abs(low) + 1e-3 if scale == "log" else low
            step = draw(st.sampled_from([0.1, 0.5, 3.0, width]))
            form = {"type": "quantized", "min": low, "max": low + width, "scale": scale}
            integer = step == 3.0 and draw(st.booleans())
            return form | {"step": step} | ({"integer": True} if integer else {})
        case "cat":
            values = draw(
                st.lists(st.text("ab,=", max_size=5) | st.integers(2), min_size=1, unique=True)
            )
            weighted = [{"value": v, "weight": 1.0 + i} for i, v in enumerate(values)]
            return {"type": "categorical", "choices": weighted}
    form: dict[str, Any] = {"mean": draw(st.floats(-3, 3)), "std": draw(st.floats(0.1, 3))}
    form["type"] = draw(st.sampled_from(["normal", "lognormal"]))
    match draw(st.sampled_from(["plain", "step", "integer"])):
        case "step":
            form["step"] = draw(st.sampled_from([0.1, 0.5, 2.0]))
        case "integer":
            form["integer"] = True
    return form


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Parameters in a chain or a bush of conditions, of any depth."""
    written: dict[str, dict[str, Any]] = {}
    for index in range(draw(st.integers(1, 8))):
        form = draw(forms())
        if index and draw(st.booleans()):
            parent = f"p{draw(st.integers(0, index - 1))}"
            middle = Space.of(written)[parent].from_unit(0.5)
            numeric = isinstance(middle, float | int)
            above = {"min": middle, "max": None}
            form = {**form, "when": {parent: above if numeric else [middle]}}
        written[f"p{index}"] = form
    return Space.of(written)


@given(spaces(), st.integers())
def test_a_sample_is_an_assignment_of_the_space_and_plain_json(space: Space, seed: int) -> None:
    sample = space.sample(Random(seed))
    assert space.problems(sample) == []
    assert set(sample) == set(space.active(sample))
    assert json.loads(json.dumps(sample, allow_nan=False)) == sample
    assert space.canonical(sample) == sample


@given(spaces(), st.integers())
def test_a_parameter_is_active_exactly_if_its_parents_are_and_its_conditions_hold(
    space: Space, seed: int
) -> None:
    sample = space.sample(Random(seed))
    for parameter in space:
        holds = all(
            parent in sample and condition.holds(sample[parent])
            for parent, condition in parameter.when.items()
        )
        assert (parameter.name in sample) is holds


@given(forms(), st.floats(0, 1))
def test_every_quantile_is_a_value_and_leads_back_to_it(form: dict[str, Any], unit: float) -> None:
    parameter = one(form)
    value = parameter.from_unit(unit)
    assert parameter.fault(value) is None
    again = parameter.from_unit(parameter.to_unit(value))
    if parameter.count is not None:
        assert again == value
    elif 1e-6 < unit < 1 - 1e-6:
        assert again == pytest.approx(value, rel=1e-6, abs=1e-6)


@given(forms(), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_quantile_is_not_a_lower_value(form: dict[str, Any], a: float, b: float) -> None:
    parameter = one(form)
    low, high = parameter.from_unit(min(a, b)), parameter.from_unit(max(a, b))
    if form["type"] == "categorical":
        values = [choice["value"] for choice in form["choices"]]
        assert values.index(low) <= values.index(high)
    else:
        assert isinstance(low, float | int)
        assert isinstance(high, float | int)
        assert low <= high


def test_the_same_seed_gives_the_same_sample() -> None:
    space = Space.of(CONDITIONAL)
    assert space.sample(Random(3)) == space.sample(Random(3))


def test_a_quantized_number_is_rounded_and_half_as_likely_at_bounds_that_are_multiples() -> None:
    counts = Counter(draws({"type": "quantized", "min": 1.0, "max": 4.0, "step": 1.0}))
    assert sorted(counts) == [1.0, 2.0, 3.0, 4.0]
    assert counts[1.0] + counts[4.0] == pytest.approx(20_000 / 3, rel=0.05)
    # 0.5 is rounded to 0 and 1.5 to 2, but no draw is exactly one of them.
    assert one({"type": "quantized", "min": 0.5, "max": 1.5, "step": 1.0}).count == 1


def test_a_quantized_number_on_a_log_scale_may_be_rounded_to_zero() -> None:
    form = {"type": "quantized", "min": 0.1, "max": 10.0, "scale": "log", "integer": True}
    counts = Counter(draws(form))
    assert sorted(counts) == list(range(11))
    assert counts[0] == pytest.approx(20_000 * math.log(0.5 / 0.1) / math.log(100), rel=0.05)


def test_float_steps_start_at_min_without_binary_noise_and_stay_below_max() -> None:
    parameter = one({"type": "float", "min": 0.1, "max": 0.95, "step": 0.1})
    grid = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert [parameter.at(i) for i in range(parameter.count or 0)] == grid
    assert set(draws({"type": "float", "min": 0.1, "max": 0.95, "step": 0.1})) == set(grid)


def test_integers_stay_integers_and_reach_both_bounds() -> None:
    values = draws({"type": "int", "min": 32, "max": 35})
    assert {type(value) for value in values} == {int}
    assert set(values) == {32, 33, 34, 35}


def test_an_integer_log_scale_reaches_both_bounds_and_favours_the_small() -> None:
    counts = Counter(draws({"type": "int", "min": 1, "max": 8, "scale": "log"}))
    assert set(counts) == set(range(1, 9))
    assert counts[1] / 20_000 == pytest.approx(math.log(3) / math.log(17), abs=0.02)


def test_log_scale_is_uniform_in_the_logarithm() -> None:
    values = draws({"type": "float", "min": 1e-4, "max": 1.0, "scale": "log"})
    for decade in range(4):
        share = sum(10.0 ** -(decade + 1) <= v < 10.0**-decade for v in values) / len(values)
        assert share == pytest.approx(0.25, abs=0.02)


def test_reverse_log_scale_is_dense_towards_max() -> None:
    values = draws({"type": "float", "min": 0.0, "max": 0.9999, "scale": "reverse_log"})
    for nines in range(4):
        low, high = 1 - 10.0**-nines, 1 - 10.0 ** -(nines + 1)
        share = sum(low <= v < high for v in values) / len(values)
        assert share == pytest.approx(0.25, abs=0.02)


def test_choices_are_drawn_by_weight() -> None:
    choices = [{"value": "a", "weight": 3.0}, {"value": None, "weight": 1.0}]
    counts = Counter(draws({"type": "categorical", "choices": choices}))
    assert counts["a"] / 20_000 == pytest.approx(0.75, abs=0.02)


def test_choices_keep_their_json_types_apart() -> None:
    parameter = one({"type": "categorical", "choices": [True, 1, "1", None]})
    assert [type(parameter.from_unit(u)) for u in (0.1, 0.4, 0.6, 0.9)] == [
        bool,
        int,
        str,
        type(None),
    ]
    assert parameter.to_unit(1) != parameter.to_unit(True)


def test_normal_has_its_mean_and_deviation() -> None:
    values = draws({"type": "normal", "mean": 5.0, "std": 2.0})
    assert fmean(values) == pytest.approx(5, abs=0.1)
    assert stdev(values) == pytest.approx(2, abs=0.1)


def test_lognormal_is_the_exponential_of_a_normal() -> None:
    values = [math.log(v) for v in draws({"type": "lognormal", "mean": 1.0, "std": 0.5})]
    assert fmean(values) == pytest.approx(1, abs=0.05)
    assert stdev(values) == pytest.approx(0.5, abs=0.05)


def test_a_quantized_normal_rounds_to_multiples_of_its_step() -> None:
    counts = Counter(draws({"type": "normal", "mean": 0.0, "std": 1.0, "step": 0.5}))
    assert all((value * 2).is_integer() for value in counts)
    expected = NormalDist().cdf(0.25) - NormalDist().cdf(-0.25)
    assert counts[0.0] / 20_000 == pytest.approx(expected, abs=0.02)
    integers = draws({"type": "lognormal", "mean": 2.0, "std": 1.0, "integer": True}, 500)
    assert {type(value) for value in integers} == {int}


def test_conditions_hold_at_any_depth() -> None:
    space = Space.of(CONDITIONAL)
    assert space.active({"classifier": "forest", "trees": 1}) == ("classifier", "trees")
    deep: dict[str, Any] = {"classifier": "svm", "kernel": "poly", "degree": 4, "coef": 0.5}
    assert space.active(deep) == ("classifier", "kernel", "degree", "coef")
    # The parent of `coef` has a fitting value but is not active itself.
    assert space.active({"classifier": "svm", "kernel": "rbf", "degree": 4}) == (
        "classifier",
        "kernel",
    )


def test_parents_come_before_their_children_else_the_order_is_the_users() -> None:
    shuffled = {name: CONDITIONAL[name] for name in ("coef", "trees", "degree", "kernel")}
    space = Space.of({**shuffled, "classifier": CONDITIONAL["classifier"]})
    names = [parameter.name for parameter in space]
    assert names == ["classifier", "trees", "kernel", "degree", "coef"]


def test_size_counts_combinations_that_can_be_active_together() -> None:
    # svm: rbf, or poly with degree 2 and 3, or 4 and 5 with five coefs; forest: three trees.
    assert Space.of(CONDITIONAL).size() == (1 + 2 + 2 * 5) + 3


def test_size_of_a_large_grid_is_exact_and_of_a_continuous_one_none() -> None:
    big: dict[str, Any] = {"type": "int", "min": 0, "max": 10**12}
    child = {**big, "max": 1, "when": {"big": {"min": 10, "max": 19}}}
    assert Space.of({"big": big, "child": child}).size() == 10**12 + 1 + 10
    assert Space.of({"x": {"type": "float", "min": 0.0, "max": 1.0}}).size() is None
    assert Space.of({"x": {"type": "normal", "mean": 0.0, "std": 1.0, "step": 1.0}}).size() is None


@settings(max_examples=50)
@given(st.data())
def test_size_equals_the_number_of_assignments(data: st.DataObject) -> None:
    written: dict[str, dict[str, Any]] = {}
    for index in range(data.draw(st.integers(1, 5))):
        form: dict[str, Any] = {"type": "int", "min": 0, "max": data.draw(st.integers(1, 3))}
        parents = data.draw(st.sets(st.integers(0, 4), max_size=2))
        form["when"] = {
            f"p{parent}": data.draw(st.sampled_from([[0], [1, 2], {"min": 1, "max": None}]))
            for parent in parents
            if parent < index
        }
        written[f"p{index}"] = form
    space = Space.of(written)
    found: list[dict[str, Any]] = [{}]
    for parameter in space:
        values = space.grid_values(parameter)
        assert values is not None
        found = [
            {**partial, **extra}
            for partial in found
            for extra in (
                [{parameter.name: value} for value in values]
                if parameter.name in space.active(partial)
                else [{}]
            )
        ]
    assert space.size() == len(found)
    assert all(space.problems(assignment) == [] for assignment in found)


def test_grid_values_are_made_on_demand() -> None:
    space = Space.of({"x": {"type": "int", "min": 5, "max": 10**12, "step": 5}})
    values = space.grid_values("x")
    assert values is not None
    assert (len(values), values[0], values[-1]) == (2 * 10**11, 5, 10**12)
    assert list(values[1:3]) == [10, 15]


@pytest.mark.parametrize(
    ("assignment", "field", "value", "message", "remedy"),
    [
        ([], "e", "a list of 0 items", "must be an object", "hyperparameters by name"),
        ({}, "e.classifier", None, "is missing", "give it a value"),
        ({"classifier": "tree"}, "e.classifier", "tree", "not one of", 'use one of "svm"'),
        ({"classifier": "forest"}, "e.trees", None, "is missing", "give it a value"),
        ({"classifier": "forest", "trees": 9}, "e.trees", 9, "out of bounds", "from 1 to 3"),
        ({"classifier": "forest", "trees": 2.0}, "e.trees", 2.0, "an integer", "JSON integer"),
        ({"classifier": "forest", "trees": True}, "e.trees", True, "an integer", "JSON integer"),
        (
            {"classifier": "forest", "trees": 1, "kernel": "rbf"},
            "e.kernel",
            "rbf",
            'is not active here: classifier must be "svm"',
            "leave it out",
        ),
        (
            {"classifier": "svm", "kernel": "poly", "degree": 5, "coef": 0.3},
            "e.coef",
            0.3,
            "is not on the grid of step 0.25",
            "the nearest value is 0.25",
        ),
        (
            {"classifier": "forest", "trees": 1, "treees": 1},
            "e.treees",
            None,
            "is not a hyperparameter",
            'did you mean "trees"?',
        ),
    ],
)
def test_a_wrong_assignment_is_refused_with_field_value_and_remedy(
    assignment: object, field: str, value: object, message: str, remedy: str
) -> None:
    (problem,) = Space.of(CONDITIONAL).problems(assignment, "e")
    assert (problem.field, problem.value) == (field, value)
    assert message in problem.message
    assert remedy in problem.remedy


def test_all_problems_of_an_assignment_come_at_once() -> None:
    problems = Space.of(CONDITIONAL).problems(
        {"classifier": "svm", "kernel": 3, "trees": 1, "q": 1}
    )
    assert [problem.field for problem in problems] == ["q", "kernel", "trees"]


def test_canonical_values_have_the_declared_type_and_lie_on_the_grid() -> None:
    space = Space.of(
        {
            "a": {"type": "float", "min": 0.0, "max": 1.0, "step": 0.1},
            "b": {"type": "float", "min": 0.0, "max": 9.0},
        }
    )
    canonical = space.canonical({"b": 1, "a": 0.1 + 0.2})
    assert list(canonical.items()) == [("a", 0.3), ("b", 1.0)]
    assert type(canonical["b"]) is float


def test_conditions_tell_true_from_one() -> None:
    flag: dict[str, Any] = {"type": "categorical", "choices": [True, False]}
    space = Space.of({"flag": flag, "x": {**flag, "when": {"flag": [1]}}})
    assert space.active({"flag": True}) == ("flag",)
