"""Spaces of Hyperopt: the same values and probabilities, and the way back to the space."""

import math
import warnings
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy
import pytest
from hyperopt import hp, rand, space_eval
from hyperopt.base import Domain, Trials
from hyperopt.pyll import as_apply, clone, rec_eval, scope
from hyperopt.pyll.stochastic import recursive_set_rng_kwarg
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.hyperopt.nodes import node
from tests.unit.tunelet.interop.written import classifiers, draws, same_distribution, space_of
from tunelet.errors import Reject
from tunelet.interop import assemble, hyperparameters
from tunelet.interop.python import KINDS as KINDS_OF_FORMS
from tunelet.request import space_models
from tunelet.space import Categorical, Parameter, Space

CLASSIFIERS = classifiers(
    hp.qlognormal("dtree_max_depth_int", 3, 1, 1), hp.qlognormal("dtree_min_samples_split", 2, 1, 1)
)
KINDS: dict[str, Callable[[str], Any]] = {
    "choice": lambda name: hp.choice(name, ["a", "b", "c"]),
    "lognormal": lambda name: hp.lognormal(name, 0.5, 1),
    "loguniform": lambda name: hp.loguniform(name, math.log(1e-4), math.log(10)),
    "normal": lambda name: hp.normal(name, -1, 2),
    "pchoice": lambda name: hp.pchoice(name, [(0.1, "a"), (0.6, "b"), (0.3, "c")]),
    "qlognormal": lambda name: hp.qlognormal(name, 1, 1, 0.5),
    "qloguniform": lambda name: hp.qloguniform(name, math.log(0.2), math.log(20), 1),
    "qnormal": lambda name: hp.qnormal(name, 0, 2, 0.5),
    "quniform": lambda name: hp.quniform(name, 1, 5, 1),
    "quniform beside its steps": lambda name: hp.quniform(name, 0.3, 2.9, 0.7),
    "randint": lambda name: hp.randint(name, 7),
    "randint from": lambda name: hp.randint(name, 3, 9),
    "uniform": lambda name: hp.uniform(name, -1, 3),
    "uniformint": lambda name: hp.uniformint(name, 1, 6),
}


def theirs(space: Any, seed: int) -> dict[str, Any]:
    """The values by label that Hyperopt draws; of choices the number of the option."""
    domain = Domain(lambda _: 0.0, space)
    (doc,) = rand.suggest([0], domain, Trials(), seed)
    return {name: values[0] for name, values in doc["misc"]["vals"].items() if values}


def ours(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same as an assignment: Hyperopt keeps integers as floats, or as numpy's."""

    def value(one: Parameter, known: Any) -> Any:
        if isinstance(one, Categorical):
            return one.at(int(known))
        whole = one.count is not None and isinstance(one.at(0), int)
        return int(known) if whole else known

    return {name: value(space[name], known) for name, known in values.items()}


def numbered(space: Space, assignment: Mapping[str, Any]) -> dict[str, Any]:
    """The assignment as Hyperopt has it."""
    return {
        name: one.choices.index(value) if isinstance(one := space[name], Categorical) else value
        for name, value in assignment.items()
    }


def as_tuples(value: Any) -> Any:
    """Hyperopt makes tuples of lists."""
    if isinstance(value, dict):
        return {key: as_tuples(each) for key, each in value.items()}
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


@st.composite
def spaces(draw: st.DrawFn, depth: int = 3, prefix: str = "p") -> Any:
    """Any structure of any hyperparameters."""
    kinds = ["leaf", "constant"] if depth == 0 else ["leaf", "choice", "dict", "list", "constant"]
    kind = draw(st.sampled_from(kinds))
    if kind == "leaf":
        return KINDS[draw(st.sampled_from(sorted(KINDS)))](prefix)
    if kind == "constant":
        return draw(st.sampled_from([None, True, 0.5, 3, "text", (1, 2)]))
    inside = [
        draw(spaces(depth=depth - 1, prefix=f"{prefix}_{place}"))
        for place in range(draw(st.integers(1, 3)))
    ]
    if kind == "dict":
        return {f"k{place}": each for place, each in enumerate(inside)}
    return hp.choice(prefix, inside) if kind == "choice" else inside


def searched(space: Any) -> bool:
    """Whether there is something to search, and no choice has an option twice."""
    try:
        return bool(hyperparameters([space, hp.uniform("other", 0, 1)]).keys() - {"other"})
    except Reject as refusal:
        assert "occurs twice" in str(refusal)  # noqa: PT017
        return False


@settings(max_examples=150)
@given(spaces().filter(searched), st.integers(0, 2**31 - 1))
def test_a_draw_of_hyperopt_is_an_assignment_and_is_assembled_as_by_hyperopt(
    written: Any, seed: int
) -> None:
    space = space_of(written)
    values = theirs(written, seed)
    assignment = ours(space, values)
    assert space.problems(assignment) == []
    assert assignment.keys() == set(space.active(assignment))
    assert as_tuples(assemble(written, assignment)) == as_tuples(space_eval(written, values))


@settings(max_examples=150)
@given(spaces().filter(searched), st.integers())
def test_assemble_gives_the_same_as_hyperopts_space_eval(written: Any, seed: int) -> None:
    space = space_of(written)
    assignment = space.sample(Random(seed))
    known = space_eval(written, numbered(space, assignment))
    assert as_tuples(assemble(written, assignment)) == as_tuples(known)


def samples(expression: Any, rng: Any) -> list[Any]:
    """3,000 draws of Hyperopt; its `sample` would prepare the expression for each draw."""
    prepared = recursive_set_rng_kwarg(clone(as_apply(expression)), as_apply(rng))
    return [rec_eval(prepared) for _ in range(3000)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_distribution_is_the_same(kind: str) -> None:
    expression = KINDS[kind]("x")
    space = space_of({"x": expression})
    hyperopts = samples(expression, numpy.random.default_rng(3))
    own = [assemble(expression, drawn) for drawn in draws(space, 3000)]
    assert type(hyperopts[0]) is type(own[0])
    assert same_distribution(hyperopts, own)


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_way_back_to_hyperopt_keeps_the_distribution(kind: str) -> None:
    written = KINDS[kind]("x")
    view = node(space_of({"x": written})["x"])
    rng = numpy.random.default_rng(4)
    there = samples(written, rng)
    again = [view.decode(one) for one in samples(view.expression, rng)]
    assert same_distribution(there, again)


def test_the_classifiers_of_the_documentation_have_their_conditions() -> None:
    forms = hyperparameters(CLASSIFIERS)
    assert forms["classifier_type"]["choices"] == ["naive_bayes", "svm", "dtree"]
    assert forms["svm_kernel"]["choices"] == ["linear", "RBF"]
    assert forms["dtree_max_depth"]["choices"] == [None, "dtree_max_depth_int"]
    assert {name: form.get("when") for name, form in forms.items()} == {
        "classifier_type": None,
        "svm_C": {"classifier_type": ["svm"]},
        "svm_kernel": {"classifier_type": ["svm"]},
        "svm_rbf_width": {"svm_kernel": ["RBF"]},
        "dtree_criterion": {"classifier_type": ["dtree"]},
        "dtree_max_depth": {"classifier_type": ["dtree"]},
        "dtree_max_depth_int": {"dtree_max_depth": ["dtree_max_depth_int"]},
        "dtree_min_samples_split": {"classifier_type": ["dtree"]},
    }
    trial = {"classifier_type": "svm", "svm_C": 2.0, "svm_kernel": "RBF", "svm_rbf_width": 0.5}
    chosen = {"type": "svm", "C": 2.0, "kernel": {"ktype": "RBF", "width": 0.5}}
    assert assemble(CLASSIFIERS, trial) == chosen


def test_a_label_may_stand_in_several_options() -> None:
    rate, shared = hp.uniform("rate", 0, 1), hp.uniform("shared", 0, 1)
    everywhere = hp.uniform("everywhere", 0, 1)
    kernel = hp.choice("kernel", [("rbf", shared), ("poly", shared)])
    options = [("a", rate, everywhere), ("b", rate, everywhere), ("c", kernel, everywhere)]
    forms = hyperparameters(hp.choice("which", options))
    assert forms["rate"]["when"] == {"which": ["a", "b"]}
    assert forms["shared"]["when"] == {"which": ["c"]}
    assert "when" not in forms["everywhere"]


def test_a_label_for_which_no_single_condition_holds_is_refused() -> None:
    rate = hp.uniform("rate", 0, 1)
    kernel = hp.choice("kernel", [("rbf", rate), ("poly", 1)])
    with pytest.raises(Reject) as refused:
        hyperparameters(hp.choice("which", [("a", kernel), ("b", rate), ("c", 2)]))
    (error,) = refused.value.errors
    assert error.field == "hyperparameters.rate"
    assert "another name" in error.remedy


def test_functions_of_hyperparameters_are_called_when_a_trial_is_assembled() -> None:
    space = {"x": 1 + hp.lognormal("l", 0, 1), "n": scope.int(hp.quniform("n", 2, 8, 2))}
    forms = hyperparameters(space)
    assert forms["l"] == {"type": "lognormal", "mean": 0.0, "std": 1.0}
    assert forms["n"]["integer"] is True
    assert assemble(space, {"l": 2.0, "n": 4}) == {"x": 3.0, "n": 4}


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (["a", 1, True, None, 0.5], ["a", 1, True, None, 0.5]),
        ([(64,), (64, 32)], ["[64]", "[64, 32]"]),
        ([{"a": 1}, {"a": 2}], ['{"a": 1}', '{"a": 2}']),
        ([numpy.float64(0.5), numpy.int64(3)], [0.5, 3]),
        ([math.inf, 1.0], ["inf", 1.0]),
        ([(1, 2), "[1, 2]"], [0, 1]),
        ([("a", hp.uniform("u", 0, 1)), ("b", 2)], ["a", "b"]),
        ([{"n": 1, "u": hp.uniform("u", 0, 1)}, {"n": 2}], [1, 2]),
        ([{"u": hp.uniform("u", 0, 1)}, {"v": hp.uniform("v", 0, 1)}], [0, 1]),
        ([hp.uniform("u", 0, 1), 1 + hp.uniform("v", 0, 1)], ["u", "v"]),
    ],
)
def test_the_label_of_an_option_is_the_text_that_distinguishes_it(
    options: list[Any], labels: list[Any]
) -> None:
    space = hp.choice("x", options)
    assert hyperparameters(space)["x"]["choices"] == labels
    others = {"u": 0.5, "v": 0.5}
    for place, label in enumerate(labels):
        known = space_eval(space, {"x": place, **others})
        assert as_tuples(assemble(space, {"x": label, **others})) == as_tuples(known)


@pytest.mark.parametrize(
    ("space", "field", "message"),
    [
        (hp.uniform("x", 0, hp.uniform("y", 1, 2)), "hyperparameters.x", "depends on another"),
        (scope.uniform(0, 1), "hyperparameters", "draws without a label"),
        (scope.switch(hp.randint("x", 2), 1, 2), "hyperparameters", "decides between options"),
        (
            [hp.uniform("x", 0, 1), hp.uniform("x", 0, 2)],
            "hyperparameters.x",
            "two different distributions",
        ),
    ],
)
def test_a_space_that_cannot_be_expressed_is_refused_by_name(
    space: Any, field: str, message: str
) -> None:
    with pytest.raises(Reject) as refused:
        hyperparameters(space)
    (error,) = refused.value.errors
    assert error.field == field
    assert message in error.message
    assert error.remedy


def test_an_assignment_outside_the_space_is_refused() -> None:
    with pytest.raises(Reject, match="svm_C: is missing"):
        assemble(CLASSIFIERS, {"classifier_type": "svm"})
    with pytest.raises(Reject, match="classifier_type: is not one of the choices"):
        assemble(CLASSIFIERS, {"classifier_type": 1})


def test_the_client_needs_no_library_to_read_a_space_of_its_own() -> None:
    forms = {"x": {"type": "float", "min": 0, "max": 1}, "eval": {"type": "int", "when": {}}}
    assert hyperparameters(forms) == forms
    assert assemble(forms, {"x": 0.5}) == {"x": 0.5}


def test_a_parent_may_be_called_as_a_part_of_ray_is() -> None:
    forms = {"x": {"type": "int", "min": 0, "max": 1, "when": {"grid_search": ["a"]}}}
    assert hyperparameters(forms) == forms


def test_tunelets_own_forms_may_be_mixed_with_those_of_a_library() -> None:
    own = {"type": "float", "min": 0.0, "max": 1.0, "when": {"kernel": "rbf"}}
    space = {"kernel": hp.choice("kernel", ["rbf", "linear"]), "width": own, "epochs": 9}
    assert hyperparameters(space) == {
        "kernel": {"type": "categorical", "choices": ["rbf", "linear"]},
        "width": own,
    }
    assert assemble(space, {"kernel": "linear"}) == {"kernel": "linear", "epochs": 9}
    assert space_of(space).conditional


def test_a_form_of_tunelets_with_a_misspelt_type_is_left_for_the_service_to_refuse() -> None:
    own = {"type": "flaot", "min": 0.0, "max": 1.0}
    assert hyperparameters({"x": own, "y": hp.uniform("y", 0, 1)})["x"] == own


def test_every_type_of_tunelets_is_known() -> None:
    assert space_models.KINDS.keys() == KINDS_OF_FORMS


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
