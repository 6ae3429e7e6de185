"""The structs of a request and its pydantic models accept the same, and read it alike."""

import copy
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from tunelet.request import code_models, models, pod_models, pod_shapes, shapes, space_models
from tunelet.request.shapes import ordinary

FULL: dict[str, Any] = {
    "name": "full",
    "namespace": "team-a",
    "model_training_code": {
        "image": "train:1",
        "command": ["python", "train.py"],
        "workdir": "/srv",
        "args": ["--out=${checkpoint.url}"],
        "env": {"TRIAL": "${trial.name}"},
        "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": 2, "memory": 0.5}},
        "node_selector": {"disk": "ssd"},
        "tolerations": [
            {"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute"},
            {"operator": "Exists", "tolerationSeconds": 3},
        ],
        "service_account": "trainer",
        "volumes": [{"name": "data", "emptyDir": {}}],
        "volume_mounts": [
            {"name": "data", "mountPath": "/data", "subPath": "a", "readOnly": True},
        ],
        "secrets": {"KEY": {"name": "registry", "key": "token"}},
        "env_from": [
            {"prefix": "A_", "secretRef": {"name": "b", "optional": True}},
            {"configMapRef": {"name": "c"}},
        ],
        "image_pull_secrets": ["registry"],
        "image_pull_policy": "Always",
        "priority_class": "high",
        "queue": "team",
        "security_context": {"runAsUser": 1000},
        "termination_grace_period_seconds": 60,
        "bad_exit_codes": [3],
        "nodes": 2,
    },
    "hyperparameters": {
        "f": {"type": "float", "min": 0.1, "max": 1, "scale": "log", "step": 0.1},
        "g": {"type": "float", "min": 0, "max": 0.5, "log": False, "reverse_log": True},
        "i": {"type": "int", "min": 1, "max": 8, "scale": "linear", "log": False, "step": 2},
        "c": {
            "type": "categorical",
            "choices": ["a", 1, {"value": None, "weight": 2}],
            "flag": False,
        },
        "n": {"type": "normal", "mean": 0, "std": 1.5, "step": 0.5, "integer": False},
        "l": {"type": "lognormal", "mean": 0.0, "std": 1},
        "q": {"type": "quantized", "min": 1, "max": 9, "scale": "log", "step": 2, "integer": True},
        "w": {
            "type": "int",
            "min": 0,
            "max": 1,
            "when": {"c": "a", "i": [1, 2], "f": {"min": 0.2, "max": 0.5}},
        },
    },
    "define_by_run": False,
    "hpo_algorithm": {"name": "tpe", "settings": {"n_startup_trials": 3}},
    "early_stopping": ["medianstop", {"name": "asha", "settings": {}}],
    "objective": {"metric": "loss", "direction": "maximize", "goal": 0.9},
    "objectives": [{"metric": "loss"}],
    "constraints": [{"metric": "size", "min": 0, "max": 1}],
    "warm_start": ["earlier", {"name": "other"}],
    "metrics": {"source": "file", "format": "text", "path": "a", "pattern": "x", "step": "epoch"},
    "max_trials": 10,
    "parallel_trials": 2,
    "max_failed_trials": 1,
    "give_up_after": 0,
    "max_seconds": 3.5,
    "max_cost": 2,
    "cost_per_hour": 1.5,
    "ttl_seconds_after_finished": 0,
    "labels": {"team": "vision"},
    "trial_timeout_seconds": 60,
    "stall_seconds": 30,
    "max_attempts": 2,
    "enqueue": [{"f": 0.5}],
    "seed": 1,
    "keep_checkpoints": 0,
    "keep_output": False,
}
RANGE = {"x": {"type": "float", "min": 0, "max": 1}}
CODE = {"model_training_code": FULL["model_training_code"], "hyperparameters": RANGE}
SPACE = {"model_training_code": "train:1", "hyperparameters": FULL["hyperparameters"]}
REST = {**FULL, "model_training_code": "train:1", "hyperparameters": RANGE}
MANIFEST: dict[str, Any] = {
    "model_training_code": {
        "manifest": {"apiVersion": "batch/v1", "kind": "Job", "spec": {}},
        "primary_container": "train",
        "primary_pod_labels": {"role": "master"},
        "success_condition": 'status.phase=="Succeeded"',
        "failure_condition": 'status.phase=="Failed"',
    },
    "hyperparameters": RANGE,
    "metrics": {"pattern": {"loss": "a"}},
}
WORKERS: dict[str, Any] = {
    "model_training_code": {"workers": True},
    "hyperparameters": RANGE,
    "metrics": {"pattern": ["a", "b"]},
}
BARE: dict[str, Any] = {
    "model_training_code": {"apiVersion": "batch/v1", "kind": "Job", "spec": {}},
    "hyperparameters": {},
    "hpo_algorithm": "tpe",
    "early_stopping": "medianstop",
}

# Texts, numbers and containers at the edges of what some field takes.
DOUBTFUL: list[Any] = [
    *(None, True, False, 0, 1, -1, 255, 256, 1001, 10**6 + 1, 2**53 - 1, 2**53, -(2**53)),
    *(2**63 - 1, 0.0, -0.0, 1.0, 0.5, 1e300, -1e300, 1.1e300, 1e9, 1e10, 1.1e10, 5e-324),
    *("", " ", "a", "a\n", "\na", "-a", "a b", "a=b", "A.b/c", "tpe", "log", "a\u00a0", "é"),
    *("a\x1c", "a\x85", "a\u2028", "a\ufeff", "/a", "/a:b", "a" * 41, "a" * 64, "a" * 128),
    *("a" * 129, "a" * 201, "a" * 254, "a" * 501, "a" * 1001, "a" * 32_769),
    *([], [1], ["a"], [None], [[]], [{}], ["a"] * 9, ["a"] * 17, [1] * 256, [{}] * 1001),
    *([{"name": "a"}], [{"name": "a", "key": "b"}], [{"metric": "a"}], ["a", {"value": 1}]),
    *({}, {"a": 1}, {"a": "b"}, {"": "b"}, {"a\n": "b"}, {"a": None}, {"a": []}, {"a": {}}),
    *({"name": "a"}, {"value": 1}, {"weight": 1}, {"min": 1}, {"min": 1, "max": None}),
    *({"workers": True}, {"workers": 1}, {"workers": True, "image": "a"}, {"kind": "Job"}),
    *({"image": "a", "manifest": {}}, {"image": "a", "<form>": "image"}, {"metric": "a"}),
    *({f"a{i}": 1 for i in range(17)}, {f"a{i}": "b" for i in range(65)}),
    *({"type": kind} for kind in ("float", "int", "Hyperparameter", "Conditions", 1)),
    *({"type": "int", "min": low, "max": 3} for low in (1, 1.0, True, "1")),
]
NAMES = ["a", "a\n", "1a", "", "a b", "é", "A.b", "a" * 64, "a" * 101, "a" * 254, "type", "<form>"]


@pytest.mark.parametrize("whole", [CODE, SPACE, REST, MANIFEST, WORKERS, BARE])
def test_both_accept_the_same_requests_and_read_them_alike(whole: dict[str, Any]) -> None:
    different, accepted = [], 0
    for raw in [whole, *_changed(whole)]:
        shape, model = ordinary(shapes.Request, raw), _model(raw)
        accepted += shape is not None
        if (shape or model) and _seen(shape) != _seen(model):
            different.append(raw)
    assert accepted
    assert not different


@pytest.mark.parametrize("form", [*DOUBTFUL, {}, {"when": {"x": 1}, "type": "int", "other": 2}])
def test_both_read_the_same_conditions_of_a_broken_hyperparameter(form: Any) -> None:
    for raw in (form, {"when": form}, {"when": {"x": form}, "min": "a"}):
        if isinstance(raw, dict):
            shape = shapes.conditional(raw)
            assert _seen(shape and shape.when) == _seen(_conditions(raw))


def test_each_shape_has_the_fields_and_defaults_of_the_model_of_its_name() -> None:
    compared = 0
    pairs = [(shapes, each) for each in (space_models, code_models, models)]
    for structs, classes in (*pairs, (pod_shapes, pod_models)):
        for name, shape in vars(structs).items():
            model = getattr(classes, name, None)
            if not isinstance(shape, msgspec.StructMeta) or model is None:
                continue
            parts = msgspec.structs.fields(cast("type[msgspec.Struct]", shape))
            fields = {one.name: _default(one) for one in parts}
            of_model = {
                field: ... if info.is_required() else _seen(info.default)
                for field, info in model.model_fields.items()
                if field != "type"
            }
            assert fields == of_model, name
            compared += 1
    assert compared > 20


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return _seen(field.default_factory())
    return ... if field.default is msgspec.NODEFAULT else _seen(field.default)


def _model(raw: Any) -> models.Request | None:
    try:
        return models.Request.model_validate(raw)
    except ValidationError:
        return None


def _conditions(raw: Any) -> Any:
    try:
        return space_models.Conditions.model_validate(raw).when
    except ValidationError:
        return None


def _seen(read: Any) -> Any:
    """What a program sees of a value: 1, 1.0 and true differ, a struct and its model do not."""
    if isinstance(read, msgspec.Struct):
        fields = {name: getattr(read, name) for name in read.__struct_fields__}
        return type(read).__name__, {name: _seen(one) for name, one in fields.items()}
    if isinstance(read, BaseModel):
        fields = {name: getattr(read, name) for name in type(read).model_fields if name != "type"}
        return type(read).__name__, {name: _seen(one) for name, one in fields.items()}
    if isinstance(read, dict):
        return {name: _seen(one) for name, one in read.items()}
    if isinstance(read, list):
        return [_seen(one) for one in read]
    return type(read).__name__, repr(read)


def _changed(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The request with each part replaced, removed, named otherwise or beside another one."""
    for path in _paths(whole):
        for value in DOUBTFUL:
            yield _with(whole, path, value)
        above = _at(whole, path[:-1])
        if isinstance(above, dict):
            name = path[-1]
            without = {key: one for key, one in above.items() if key != name}
            yield _with(whole, path[:-1], without)
            for other in NAMES:
                yield _with(whole, path[:-1], {**without, other: above[name]})
                yield _with(whole, path[:-1], {**above, other: above[name]})


def _paths(raw: Any) -> Iterator[tuple[Any, ...]]:
    if not isinstance(raw, dict | list):
        return
    for key, value in raw.items() if isinstance(raw, dict) else enumerate(raw):
        yield (key,)
        yield from ((key, *below) for below in _paths(value))


def _at(raw: Any, path: tuple[Any, ...]) -> Any:
    for segment in path:
        raw = raw[segment]
    return raw


def _with(whole: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    if not path:
        return dict(value) if isinstance(value, dict) else whole
    changed: dict[str, Any] = _replaced(whole, path, value)
    return changed


def _replaced(raw: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy along the path; the rest is shared."""
    if not path:
        return value
    changed = copy.copy(raw)
    changed[path[0]] = _replaced(raw[path[0]], path[1:], value)
    return changed
