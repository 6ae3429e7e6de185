"""What is wrong with a request is refused with its path, value and remedy."""

from typing import Any

import pytest

from tests.unit.tunelet.request.submitted import (
    JOB,
    SMALLEST,
    errors,
    errors_of,
    errors_with,
    parsed,
)
from tunelet.errors import Reject

FIRST = 'use one of "model_training_code", "hyperparameters", "max_trials"'
SHAPES = [
    ({"qqq": 3}, "qqq", None, "is not a field here", FIRST),
    ({"max_trails": 3}, "max_trails", None, "is not a field here", 'did you mean "max_trials"?'),
    ({"max_trials": 0}, "max_trials", 0, "must be at least 1", "use at least 1"),
    ({"max_trials": 10**7}, "max_trials", 10**7, "at most 1000000", "use at most 1000000"),
    ({"max_trials": "9"}, "max_trials", "9", "must be an integer", "write it without quotes"),
    ({"max_trials": 9.0}, "max_trials", 9.0, "must be an integer", "write 9"),
    ({"max_trials": None}, "max_trials", None, "must be an integer", "write an integer"),
    ({"parallel_trials": 1001}, "parallel_trials", 1001, "at most 1000", "use at most 1000"),
    ({"give_up_after": -1}, "give_up_after", -1, "must be at least 0", "use at least 0"),
    ({"max_failed_trials": -1}, "max_failed_trials", -1, "must be at least 0", "use at least 0"),
    ({"max_seconds": 0}, "max_seconds", 0, "must be more than 0", "use more than 0"),
    ({"max_cost": 5}, "max_cost", 5, "without cost_per_hour", "one hour of one trial"),
    ({"name": "My_Run"}, "name", "My_Run", "is not a DNS label", "use a-z, 0-9 and -"),
    ({"name": "a" * 41}, "name", "a" * 41, "is not a DNS label", "use a-z, 0-9 and -"),
    ({"seed": -1}, "seed", -1, "must be at least 0", "use at least 0"),
    ({"labels": {"a": 1}}, "labels.a", 1, "must be text", "put it in quotes"),
    ({"hpo_algorithm": 3}, "hpo_algorithm", 3, "must be an object", "write the name"),
    ({"hpo_algorithm": "tpee"}, "hpo_algorithm.name", "tpee", "is not installed", "use tpe"),
    (
        {"hpo_algorithm": "grid_search"},
        "hpo_algorithm.name",
        "grid_search",
        "needs a finite space",
        "add steps",
    ),
    ({"model_training_code": 3}, "model_training_code", None, "an object", "image's name"),
    ({"model_training_code": ""}, "model_training_code", None, "is empty", "give at least one"),
    ({"hyperparameters": {}}, "hyperparameters", "an object of 0 fields", "is empty", "at least"),
    (
        {"define_by_run": True},
        "hyperparameters",
        "an object of 2 fields",
        "are chosen",
        "leave out",
    ),
    (
        {"define_by_run": True, "hyperparameters": {}},
        *("define_by_run", True, "is for Python functions only", "call tunelet.tune"),
    ),
    ({"hyperparameters": []}, "hyperparameters", "a list of 0 items", "an object", "write"),
    (
        {"objective": {"direction": "max"}},
        "objective.direction",
        "max",
        "must be 'minimize' or 'maximize'",
        'use one of "minimize", "maximize"',
    ),
    ({"objective": {}, "objectives": [{"metric": "a"}]}, "objective", None, "beside", "put all"),
    (
        {"objectives": [{"metric": "a"}, {"metric": "a"}]},
        "objectives",
        "a",
        "has the same metric 2 times",
        "keep one",
    ),
    ({"metrics": {"source": "file"}}, "metrics.path", None, "is missing", "add the path"),
    ({"metrics": {"path": "x"}}, "metrics.path", "x", "means nothing for stdout", "file"),
    ({"metrics": {"source": "tensorboard"}}, "metrics.path", None, "is missing", "logs"),
    (
        {"metrics": {"source": "tensorboard", "path": "x", "format": "json"}},
        "metrics.format",
        "json",
        "means nothing for tensorboard",
        "leave it out",
    ),
    ({"metrics": {"pattern": "(x"}}, "metrics.pattern", "(x", "missing )", "RE2"),
    ({"metrics": {"pattern": "x(?=y)"}}, "metrics.pattern", "x(?=y)", "(?=", "no look-around"),
    (
        {"metrics": {"pattern": "(?P<name>x)"}},
        "metrics.pattern",
        "(?P<name>x)",
        "lacks the group value",
        "(?P<value>",
    ),
    (
        {"metrics": {"pattern": ["(?P<value>x)", "("]}},
        "metrics.pattern[1]",
        "(",
        "missing )",
        "RE2",
    ),
    (
        {"metrics": {"pattern": {"loss": "x"}}},
        "metrics.pattern.loss",
        "x",
        "needs the group value",
        "(?P<value>",
    ),
    ({"metrics": {"pattern": {"loss": 3}}}, "metrics.pattern.loss", 3, "must be text", "quotes"),
    ({"metrics": {"pattern": []}}, "metrics.pattern", "a list of 0 items", "is empty", "one"),
    (
        {"metrics": {"pattern": {" a": "(x)"}}},
        "metrics.pattern. a",
        " a",
        "is not a name for a metric",
        "no blank",
    ),
    (
        {
            "objectives": [{"metric": "loss"}, {"metric": "acc"}],
            "metrics": {"pattern": "(?P<value>x)"},
        },
        "metrics.pattern",
        "(?P<value>x)",
        "several objectives",
        '{"loss": "',
    ),
    (
        {"metrics": {"pattern": "(?P<name>x)(?P<value>y)", "format": "json"}},
        "metrics.pattern",
        "(?P<name>x)(?P<value>y)",
        "is for text only",
        "leave it out",
    ),
    ({"enqueue": [3]}, "enqueue[0]", 3, "must be an object", "by name"),
    (
        {"enqueue": [{"learning_rate": 0.05, "batch_size": 500}]},
        "enqueue[0].batch_size",
        500,
        "is out of bounds",
        "use a value from 32 to 128",
    ),
    (
        {"enqueue": [{"learning_rate": 0.05, "batch_size": 64}] * 1001},
        "enqueue",
        "a list of 1001 items",
        "is longer than 1000",
        "use at most 1000",
    ),
    ({"seed": float("nan")}, "seed", "nan", "is not a finite number", "use a finite"),
    ({"name": "a\ud800"}, "name", "a\\ud800", "surrogate", "valid Unicode"),
    ({"labels": {"a": "b\0"}}, "labels.a", "b\\u0000", "NUL", "remove it"),
]


@pytest.mark.parametrize(("change", "field", "value", "message", "remedy"), SHAPES)
def test_a_wrong_field_is_refused_with_its_path_value_and_remedy(
    change: dict[str, Any], field: str, value: object, message: str, remedy: str
) -> None:
    (error,) = errors_with(**change)
    assert (error.field, error.value) == (field, value)
    assert message in error.message
    assert remedy in error.remedy


PARAMETERS = [
    ({"type": "flot"}, "type", "flot", "is not a type", 'did you mean "float"?'),
    ({"min": 0, "max": 1}, "type", None, "is missing", 'use one of "float", "int"'),
    ({"type": "int", "min": 0, "max": 1, "stepp": 1}, "stepp", None, "not a field", '"step"?'),
    ({"type": "float", "min": "1e-3", "max": 1}, "min", "1e-3", "a number", "(in YAML 1e-3"),
    ({"type": "float", "min": 2, "max": 1}, "max", 1, "must be above min, which is 2", "swap"),
    ({"type": "int", "min": 1, "max": 1}, "max", 1, "must be above min", '"choices": [1]'),
    ({"type": "int", "min": 0, "max": 2**60}, "max", 2**60, "at most 9007199254740991", "use"),
    ({"type": "float", "min": 0, "max": 1, "log": True}, "min", 0, "above 0 on a log", "linear"),
    ({"type": "int", "min": 0, "max": 9, "log": True}, "min", 0, "above 0 on a log", "use 1"),
    (
        {"type": "float", "min": 0, "max": 1, "reverse_log": True},
        "max",
        1,
        "must be below 1 on a reverse_log scale",
        "0.999",
    ),
    (
        {"type": "float", "min": 0.1, "max": 1, "scale": "linear", "log": True},
        "scale",
        "linear",
        "is said twice, and differently",
        "keep one of linear, log",
    ),
    (
        {"type": "float", "min": 0.1, "max": 1, "log": True, "step": 0.1},
        "step",
        0.1,
        "goes with a linear scale only",
        "leave out either",
    ),
    ({"type": "int", "min": 0, "max": 9, "step": 0}, "step", 0, "must be at least 1", "use"),
    ({"type": "float", "min": 0, "max": 1, "step": 0}, "step", 0, "more than 0", "use"),
    ({"type": "float", "min": 0, "max": 1, "step": 2}, "step", 2, "larger than the range", "1"),
    ({"type": "float", "min": 0, "max": 1, "step": 1e-30}, "step", 1e-30, "finer", "no step"),
    ({"type": "categorical", "choices": []}, "choices", "a list of 0 items", "empty", "one"),
    ({"type": "categorical", "choices": [1, 1.0]}, "choices[1]", 1.0, "is there twice", "remove"),
    (
        {"type": "categorical", "choices": [[32, 128], "a"]},
        "choices[0]",
        "a list of 2 items",
        "must be text, a number, true, false or null",
        'write the list as text: "[32, 128]"',
    ),
    (
        {"type": "categorical", "choices": ["a", {"b": 1.5}]},
        "choices[1]",
        "an object of 1 field",
        "must be text, a number, true, false or null",
        'write the object as text: "{\\"b\\": 1.5}"',
    ),
    (
        {"type": "categorical", "choices": [{"vlaue": "a"}]},
        "choices[0]",
        "an object of 1 field",
        "must be text, a number, true, false or null",
        '{"value": …, "weight": …}',
    ),
    (
        {"type": "categorical", "choices": [{"value": [[1], None], "weight": 2}]},
        "choices[0].value",
        "a list of 2 items",
        "must be text, a number, true, false or null",
        'write the list as text: "[[1], null]"',
    ),
    (
        {"type": "categorical", "choices": [{"value": 1, "weight": 0}]},
        "choices[0].weight",
        0,
        "must be more than 0",
        "use",
    ),
    (
        {"type": "categorical", "choices": ["a", "b"], "flag": True},
        "flag",
        True,
        "means nothing without a choice that is true, false or null",
        '"choices": [true, false]',
    ),
    ({"type": "normal", "mean": 0, "std": 0}, "std", 0, "must be more than 0", "use"),
    (
        {"type": "normal", "mean": 0, "std": 1, "step": 0.5, "integer": True},
        "step",
        0.5,
        "must be whole for an integer",
        "leave out integer",
    ),
    ({"type": "lognormal", "mean": 1e4, "std": 1}, "mean", 1e4, "any size", "logarithm"),
    ({"type": "quantized", "min": 1, "max": 1}, "max", 1, "must be above min", "categorical"),
    ({"type": "quantized", "min": 0, "max": 1, "log": True}, "min", 0, "above 0", "positive"),
    ({"type": "quantized", "min": 0, "max": 1, "step": 1e-30}, "step", 1e-30, "finer", "at least"),
    (
        {"type": "quantized", "min": 0, "max": 1, "step": 0.5, "integer": True},
        "step",
        0.5,
        "must be whole for an integer",
        "leave out integer",
    ),
]


@pytest.mark.parametrize(("form", "field", "value", "message", "remedy"), PARAMETERS)
def test_a_wrong_hyperparameter_is_refused_with_its_path_value_and_remedy(
    form: dict[str, Any], field: str, value: object, message: str, remedy: str
) -> None:
    (error,) = errors_of(**form)
    assert (error.field, error.value) == (f"hyperparameters.x.{field}", value)
    assert message in error.message
    assert remedy in error.remedy


CONDITIONS: list[tuple[dict[str, Any], str, object, str, str]] = [
    ({"cc": "a"}, "when.cc", None, "is not a hyperparameter", 'did you mean "c"?'),
    ({"c": "z"}, "when.c", "z", "can never hold: the value is not one", 'use one of "a", "b"'),
    ({"f": 2}, "when.f", 2, "can never hold: the value is out of bounds", "from 0.0 to 1.0"),
    ({"f": 0.5}, "when.f", 0.5, "has the probability zero", "use a range"),
    ({"f": {"min": 2}}, "when.f", None, "f cannot be at least 2", "use a range"),
    ({"f": {"min": 0.5, "max": 0.1}}, "when.f.max", 0.1, "is below min, 0.5", "swap them"),
    ({"f": {}}, "when.f", None, "is a range without bounds", 'add "min" or "max"'),
    ({"c": {"min": 0}}, "when.c", None, "c cannot be at least 0", "use a range"),
    ({"c": []}, "when.c", "a list of 0 items", "names no value", "at least one"),
    ({"x": 1}, "when.x", None, "goes in a circle: x needs x", "remove one"),
    ({"f": {"mn": 0}}, "when.f.mn", None, "is not a field here", 'did you mean "min"?'),
]


@pytest.mark.parametrize(("when", "field", "value", "message", "remedy"), CONDITIONS)
def test_a_wrong_condition_is_refused_with_its_path_value_and_remedy(
    when: dict[str, Any], field: str, value: object, message: str, remedy: str
) -> None:
    (error,) = errors_of(type="int", min=0, max=3, when=when)
    assert (error.field, error.value) == (f"hyperparameters.x.{field}", value)
    assert message in error.message
    assert remedy in error.remedy


def test_conditions_in_a_circle_are_shown_as_that_circle() -> None:
    number = {"type": "int", "min": 0, "max": 3}
    (error,) = errors_with(
        hyperparameters={
            "a": {**number, "when": {"b": 1}},
            "b": {**number, "when": {"c": 1}},
            "c": {**number, "when": {"b": 1}},
        }
    )
    assert error.message == "goes in a circle: b needs c needs b"


def test_a_hyperparameter_that_could_never_be_active_is_refused() -> None:
    number = {"type": "int", "min": 0, "max": 3}
    (error,) = errors_with(
        hyperparameters={
            "a": number,
            "b": {**number, "when": {"a": {"max": 1}}},
            "c": {**number, "when": {"b": 1}},
            "d": {**number, "when": {"c": 1, "a": [2, 3]}},
        }
    )
    assert error.field == "hyperparameters.d.when"
    assert error.message == "can never hold: a would have to be at most 1 and be one of 2, 3"


def test_all_errors_come_at_once_and_none_hides_another() -> None:
    found = errors(
        {
            "max_trails": 1,
            "name": "A",
            "model_training_code": {"image": "x", "args": ["${trial.nr}"], "shell": True},
            "hyperparameters": {
                "a": {"type": "float", "min": 0, "max": "1", "when": {"nobody": 1}},
                "b": {"type": "int", "min": 5, "max": 1, "when": {"c": "z"}},
                "c": {"type": "categorical", "choices": ["x", "x"], "when": {"d": 7}},
                "d": {"type": "int", "min": 0, "max": 3},
                "e": float("inf"),
            },
            "hpo_algorithm": "tpee",
            "objectives": [{"metric": "a"}, {"metric": "a"}],
            "metrics": {"pattern": "("},
            "max_cost": 3,
        }
    )
    assert {error.field for error in found} == {
        "max_trails",
        "name",
        "model_training_code.shell",
        "hyperparameters.a.max",
        "hyperparameters.a.when.nobody",
        "hyperparameters.b.max",
        "hyperparameters.c.choices[1]",
        "hyperparameters.c.when.d",
        "hyperparameters.e",
        "hpo_algorithm.name",
        "objectives",
        "metrics.pattern",
        "max_cost",
    }


def test_required_fields_are_named() -> None:
    assert [(error.field, error.message) for error in errors({})] == [
        ("model_training_code", "is missing"),
        ("hyperparameters", "is missing"),
    ]


def test_placeholders_that_cannot_be_filled_are_refused_and_the_shells_left_alone() -> None:
    found = errors_with(
        hyperparameters={
            "c": {"type": "categorical", "choices": ["a", "b"]},
            "x": {"type": "int", "min": 0, "max": 1, "when": {"c": "a"}},
        },
        model_training_code={
            "image": "i",
            "command": ["${HOME}/run", "${hyperparameters.c}"],
            "args": ["${hyperparameters.x}", "${trial.nummer}"],
            "env": {"Y": "${hyperparameters.y}", "Z": "${ENV:-z.1}"},
        },
    )
    assert [(error.field, error.value) for error in found] == [
        ("model_training_code.args[0]", "${hyperparameters.x}"),
        ("model_training_code.args[1]", "${trial.nummer}"),
        ("model_training_code.env.Y", "${hyperparameters.y}"),
    ]
    assert "conditional" in found[0].message
    assert "TUNELET_HYPERPARAMETERS" in found[0].remedy
    assert "${trial.number}" in found[1].remedy


def test_every_list_and_object_among_choices_is_refused_by_itself() -> None:
    choices = [[32, 128], [64, 256], {"a": 1}, {"value": {"b": 2}}, 5]
    found = errors_of(type="categorical", choices=choices)
    assert [error.field.removeprefix("hyperparameters.x.") for error in found] == [
        "choices[0]",
        "choices[1]",
        "choices[2]",
        "choices[3].value",
    ]


def test_an_incomplete_manifest_is_refused_at_the_place_where_the_user_wrote_it() -> None:
    (error,) = errors_with(model_training_code={"apiVersion": "batch/v1", "kind": "Job"})
    assert (error.field, error.message) == ("model_training_code.spec", "is missing")
    (error,) = errors_with(model_training_code={"manifest": {**JOB, "kind": 3}})
    assert error.field == "model_training_code.manifest.kind"


@pytest.mark.parametrize(
    "code",
    [
        {"image": "i", "env": {"KEY": ["hunter2"]}},
        {"image": "i", "env": {"KEY=hunter2": ""}},
        {"image": "i", "env": {"KEY": "hunter2\0"}},
        {"image": "i", "env": {"KEY": "hunter2 ${trial.x}"}},
        {"image": "i", "env": {"TUNELET_KEY": "hunter2"}},
        {"image": "i", "env": "KEY=hunter2"},
        {"image": "i", "args": "hunter2"},
        {"image": "user:hunter2@host x"},
        {**JOB, "spec": "hunter2"},
        {"imagee": "i", "environment": {"KEY": "hunter2"}},
    ],
)
def test_secrets_in_the_training_code_are_never_repeated(code: dict[str, Any]) -> None:
    with pytest.raises(Reject) as caught:
        parsed({**SMALLEST, "model_training_code": code, "password": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.errors)


def test_long_values_are_shortened() -> None:
    (error,) = errors_with(name="x" * 5000)
    assert len(error.value) == 200
    (error,) = errors_with(max_trials=10**5000)
    assert error.value == f"an integer of {(10**5000).bit_length()} bits"


def test_an_answer_lists_at_most_a_hundred_errors() -> None:
    with pytest.raises(Reject, match="the request has more than 100 problems") as caught:
        parsed({**SMALLEST, **{f"field{index}": 1 for index in range(300)}})
    assert len(caught.value.errors) == 100


def test_deep_nesting_is_refused_without_recursion() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    (error,) = errors_with(hpo_algorithm={"name": "tpe", "settings": {"x": deep}})
    assert "nested deeper than 64 levels" in error.message
