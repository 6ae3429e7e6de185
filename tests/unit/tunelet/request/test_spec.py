"""A submitted request: its acceptance, its normalized form, and what may be changed later."""

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.tunelet.request.submitted import (
    FULL,
    JOB,
    SMALLEST,
    Algorithms,
    errors,
    errors_with,
    parsed,
    spec_or_reject,
)
from tunelet.errors import Reject
from tunelet.request.models import request_schema
from tunelet.request.spec import parse_changes
from tunelet.text.limits import METRIC, is_metric_name


def test_the_seed_request_passes_word_for_word_and_gets_every_default() -> None:
    assert parsed(SMALLEST) == {
        "name": None,
        "namespace": "default",
        "model_training_code": {
            "image": "docker_image_url",
            "command": [],
            "args": [],
            "env": {},
            "resources": {},
        },
        "hyperparameters": SMALLEST["hyperparameters"],
        "hpo_algorithm": {"name": "random_search", "settings": {}},
        "early_stopping": [],
        "objectives": [{"metric": "objective", "direction": "minimize", "goal": None}],
        "constraints": [],
        "warm_start": [],
        "metrics": {
            "source": "stdout",
            "format": "text",
            "path": None,
            "pattern": None,
            "step": "step",
        },
        "max_trials": 20,
        "parallel_trials": 3,
        "max_failed_trials": None,
        "give_up_after": 3,
        "max_seconds": None,
        "trial_timeout_seconds": None,
        "max_cost": None,
        "cost_per_hour": None,
        "max_attempts": 3,
        "enqueue": [],
        "seed": None,
        "ttl_seconds_after_finished": None,
        "labels": {},
    }


@pytest.mark.parametrize(
    "name", ["a\u00a0b", "a\u200bb", "a\u2028b", "a\u202eb", "a\x1bb", "x" * 129]
)
def test_no_request_names_a_metric_that_no_training_may_report(name: str) -> None:
    assert not is_metric_name(name)
    with pytest.raises(Reject) as refused:
        parsed({**SMALLEST, "objective": {"metric": name}})
    assert refused.value.errors[0].message == "is not a name for a metric"


@given(st.text(max_size=130))
def test_every_metric_that_a_request_may_name_may_be_reported(name: str) -> None:
    if re.search(METRIC, name) and "\n" not in name:
        assert is_metric_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("ndcg@10", "val/loss", "mAP@[.5:.95]", "Test Accuracy", "valid_1's l2", "损失", "a"),
        *("x" * 128, "Genauigkeit: ä"),
    ],
)
def test_any_printable_name_may_be_asked_for(name: str) -> None:
    spec = parsed({**SMALLEST, "objective": {"metric": name}, "metrics": {"step": name}})
    assert spec["objectives"][0]["metric"] == name


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a=b", "a\n", "a\tb", "\x7f", "\u3000a", "x" * 129]
)
def test_a_name_that_no_output_line_can_have_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(Reject) as refused:
        parsed({**SMALLEST, "objective": {"metric": name}})
    (error,) = refused.value.errors
    assert error.field == "objective.metric"
    assert error.remedy == (
        "use 1 to 128 characters without = and control characters, with no blanks but U+0020, "
        "and none before or after them"
    )


@pytest.mark.parametrize(
    "pattern",
    [
        None,
        r"(?P<name>\w+): (?P<value>\S+)",
        [r"(?P<value>x)", r"(?P<name>\w+) (?P<value>\S+)"],
        {"objective": r"(\S+)", "Test acc": r"(?P<value>\S+)(x)"},
    ],
)
def test_patterns_stay_as_they_are_written(pattern: object) -> None:
    assert parsed({**SMALLEST, "metrics": {"pattern": pattern}})["metrics"]["pattern"] == pattern


def test_short_forms_are_written_out() -> None:
    spec = parsed(FULL)
    forms = spec["hyperparameters"]
    assert forms["rate"] == {
        "type": "float",
        "min": 1e-4,
        "max": 1.0,
        "scale": "log",
        "when": {"model": ["svm", "net"]},
    }
    assert forms["momentum"]["scale"] == "reverse_log"
    assert forms["units"]["when"] == {"layers": {"min": 2.0, "max": None}, "model": ["net"]}
    assert forms["model"]["choices"][0] == {"value": "svm", "weight": 1.0}
    assert spec["enqueue"] == [
        {"momentum": 0.0, "dropout": 0.1, "model": True, "gain": 1.0, "width": 7, "depth": 2}
    ]
    assert spec["model_training_code"]["args"] == FULL["model_training_code"]["args"]


def test_a_flag_is_kept_in_the_spec_only_where_it_is_one() -> None:
    choices = {"type": "categorical", "choices": [True, False]}
    forms = {"amp": {**choices, "flag": True}, "cache": {**choices, "flag": False}}
    spec = parsed({**SMALLEST, "hyperparameters": forms})
    assert spec["hyperparameters"] == {"amp": {**choices, "flag": True}, "cache": choices}


def test_the_objective_can_be_named_alone() -> None:
    spec = parsed({**SMALLEST, "objective": {"metric": "loss"}})
    assert spec["objectives"] == [{"metric": "loss", "direction": "minimize", "goal": None}]


def test_a_raw_manifest_is_training_code_just_as_a_wrapped_one() -> None:
    assert parsed({**SMALLEST, "model_training_code": JOB})["model_training_code"] == {
        "manifest": JOB
    }
    wrapped = parsed({**SMALLEST, "model_training_code": {"manifest": JOB}})
    assert wrapped["model_training_code"] == {"manifest": JOB}


def test_the_address_gives_the_namespace_and_the_request_may_only_repeat_it() -> None:
    assert parsed(SMALLEST, "team-a")["namespace"] == "team-a"
    assert parsed({**SMALLEST, "namespace": "team-a"}, "team-a")["namespace"] == "team-a"
    (error,) = errors({**SMALLEST, "namespace": "team-b"}, "team-a")
    assert error.field == "namespace"
    assert "team-a" in error.message
    assert errors(SMALLEST, "No Such")[0].field == "namespace"


@pytest.mark.parametrize("raw", [SMALLEST, FULL, {**SMALLEST, "model_training_code": JOB}])
def test_parsing_a_normalized_spec_again_changes_nothing(raw: dict[str, Any]) -> None:
    spec = parsed(raw)
    assert parsed(spec) == spec
    assert parsed(json.loads(json.dumps(spec))) == spec
    assert list(parsed(spec)["hyperparameters"]) == list(raw["hyperparameters"])


@pytest.mark.parametrize(
    "raw",
    [
        SMALLEST,
        FULL,
        {**SMALLEST, "model_training_code": JOB},
        {**SMALLEST, "model_training_code": {"manifest": JOB}},
        {**SMALLEST, "objective": {"goal": 0}, "name": None},
    ],
)
def test_the_schema_accepts_requests_and_their_normalized_specs(raw: dict[str, Any]) -> None:
    schema = request_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(raw, schema)
    jsonschema.validate(parsed(raw), schema)


def test_the_examples_of_the_schema_can_be_submitted() -> None:
    schema = request_schema()
    assert SMALLEST in schema["examples"]
    for shown in schema["examples"]:
        jsonschema.validate(shown, schema)
        parsed(shown)


@pytest.mark.parametrize(
    "change",
    [
        {"max_trials": 0},
        {"max_trails": 3},
        {"hyperparameters": {}},
        {"hyperparameters": {"x": {"type": "float", "min": 0}}},
        {"hyperparameters": {"a b": {"type": "int", "min": 0, "max": 1}}},
    ],
)
def test_the_schema_refuses_values_of_a_wrong_type(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SMALLEST, **change}, request_schema())
    errors_with(**change)


FIELDS = [
    "type",
    "min",
    "max",
    "step",
    "scale",
    "log",
    "choices",
    "value",
    "when",
    "mean",
    "std",
    "image",
    "args",
    "env",
    "manifest",
    "kind",
    "metric",
    "pattern",
    "a",
]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**60, 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=8)
    | st.sampled_from(["float", "int", "categorical", "normal", "${trial.x}", "a", "1e-3", "("]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


REQUESTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys([*FULL, "objective", "other"], JSON)
    | {"hyperparameters": st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)},
)


@given(JSON | REQUESTS)
@example({1: 2, None: 3, "hyperparameters": {1: {}, ("a",): 2}})
@example({"hyperparameters": [float("nan")], "enqueue": {"a": {2: 3}}})
@example({"hyperparameters": {"a": {"type": []}, "b": {"type": {}}}, "model_training_code": {1: 2}})
@example(b"bytes")
def test_anything_at_all_is_parsed_or_rejected_with_errors_fit_for_json(raw: object) -> None:
    result = spec_or_reject(raw)
    if isinstance(result, Reject):
        assert result.errors
        for error in result.errors:
            json.dumps(error, allow_nan=False, ensure_ascii=False).encode()
            assert error.message
            assert error.remedy


@given(st.data())
def test_one_broken_part_of_a_full_request_is_named_or_harmless(data: st.DataObject) -> None:
    raw = json.loads(json.dumps(FULL))
    node: Any = raw
    key = data.draw(st.sampled_from(sorted(raw)))
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(
            st.sampled_from(sorted(node)) if isinstance(node, dict) else st.just(len(node) - 1)
        )
    node[key] = data.draw(JSON)
    result = spec_or_reject(raw)
    if isinstance(result, Reject):
        assert result.errors
    else:
        assert parsed(result) == result
        jsonschema.validate(raw, request_schema())


SPEC = parsed(SMALLEST)


def test_changes_hold_only_the_fields_that_were_given() -> None:
    changes = parse_changes(
        {"max_trials": 50, "max_seconds": None, "labels": {"a": "b"}}, SPEC, Algorithms()
    )
    assert changes == {"max_trials": 50, "max_seconds": None, "labels": {"a": "b"}}


def test_a_cost_limit_can_be_set_where_the_price_is_known() -> None:
    assert parse_changes({"max_cost": 3}, {**SPEC, "cost_per_hour": 0.5}, Algorithms()) == {
        "max_cost": 3.0
    }


@pytest.mark.parametrize(
    ("raw", "field", "message", "remedy"),
    [
        ({}, "", "changes nothing", 'set one of "max_trials"'),
        ([], "", "must be an object", "write"),
        ({"max_trials": 0}, "max_trials", "must be at least 1", "use at least 1"),
        ({"max_trials": None}, "max_trials", "must be an integer", "write an integer"),
        ({"max_trails": 9}, "max_trails", "is not a field here", 'did you mean "max_trials"?'),
        ({"seed": 9}, "seed", "cannot be changed after the start", "submit another experiment"),
        ({"max_cost": 9}, "max_cost", "cannot be kept without cost_per_hour", "say what"),
        ({"labels": {"a": float("nan")}}, "labels.a", "is not a finite number", "use a finite"),
    ],
)
def test_wrong_changes_are_refused_like_wrong_requests(
    raw: object, field: str, message: str, remedy: str
) -> None:
    with pytest.raises(Reject) as caught:
        parse_changes(raw, SPEC, Algorithms())
    (error,) = caught.value.errors
    assert error.field == field
    assert message in error.message
    assert remedy in error.remedy


@given(JSON | st.dictionaries(st.sampled_from(["max_trials", "labels", "max_cost", "x"]), JSON))
def test_any_changes_at_all_are_parsed_or_rejected(raw: object) -> None:
    try:
        changes = parse_changes(raw, SPEC, Algorithms())
    except Reject:
        return
    assert changes.keys() <= SPEC.keys()
