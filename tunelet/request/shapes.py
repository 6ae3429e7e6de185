"""A request as the other modules of this package read it: frozen structs with every default.

`ordinary` reads a valid request without pydantic, whose import and models take more of the
processor than the rest of a submit. What it does not accept, `tunelet.request.refusals` reads with
the models of `tunelet.request.models`, and explains. A test holds both to the same fields,
defaults and values.
"""
# ruff: noqa: RUF012 (msgspec makes a new list or object for each struct)

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from tunelet.core.run import COMMAND
from tunelet.request import patterns
from tunelet.request.pod_shapes import Pod, Shape, Text, matching
from tunelet.text.limits import LABELS, SAFE_INTEGER

Read = TypeVar("Read", bound=Struct)

Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
Positive = Annotated[float, Meta(gt=0, le=1e300)]
Integer = Annotated[int, Meta(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
Step = Annotated[int, Meta(ge=1, le=SAFE_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Scalar = str | int | float | bool | None
MetricName = Annotated[str, matching(patterns.METRIC)]
Name = Annotated[str, matching(patterns.NAME)]


class Range(Shape, frozen=True, kw_only=True):
    """The parent is a number from `min` to `max`, both included."""

    min: Number | None = None
    max: Number | None = None


class Hyperparameter(Shape, frozen=True, kw_only=True, tag_field="type"):
    when: Annotated[dict[str, list[Scalar] | Range], Meta(max_length=16)] | None = None


class FloatRange(Hyperparameter, frozen=True, kw_only=True, tag="float"):
    type: ClassVar[str] = "float"
    min: Number
    max: Number
    scale: Literal["linear", "log", "reverse_log"] | None = None
    log: bool = False
    reverse_log: bool = False
    step: Positive | None = None


class IntRange(Hyperparameter, frozen=True, kw_only=True, tag="int"):
    type: ClassVar[str] = "int"
    min: Integer
    max: Integer
    scale: Literal["linear", "log"] | None = None
    log: bool = False
    step: Step | None = None


class Choice(Shape, frozen=True, kw_only=True):
    value: Scalar
    weight: Positive = 1.0


class Choices(Hyperparameter, frozen=True, kw_only=True, tag="categorical"):
    type: ClassVar[str] = "categorical"
    choices: Annotated[list[Choice], Meta(min_length=1)]
    flag: bool = False


class NormalPrior(Hyperparameter, frozen=True, kw_only=True, tag="normal"):
    type: ClassVar[str] = "normal"
    mean: Number
    std: Positive
    step: Positive | None = None
    integer: bool = False


class LogNormalPrior(NormalPrior, frozen=True, kw_only=True, tag="lognormal"):
    type: ClassVar[str] = "lognormal"


class QuantizedRange(Hyperparameter, frozen=True, kw_only=True, tag="quantized"):
    type: ClassVar[str] = "quantized"
    min: Number
    max: Number
    scale: Literal["linear", "log"] | None = None
    log: bool = False
    step: Positive = 1.0
    integer: bool = False


AnyHyperparameter = FloatRange | IntRange | Choices | NormalPrior | LogNormalPrior | QuantizedRange

Quantities = dict[str, str | int | float]


class Resources(Shape, frozen=True, kw_only=True):
    requests: Quantities = {}
    limits: Quantities = {}


_FORM = "<form>"
"""The tag of the training code's forms. No field has this name, and no user may write it."""


class Image(Pod, frozen=True, kw_only=True, tag_field=_FORM, tag="image"):
    image: Annotated[str, matching(patterns.IMAGE, max_length=500)] = COMMAND
    command: list[Text] = []
    workdir: Text | None = None
    args: list[Text] = []
    env: dict[Annotated[str, matching(patterns.VARIABLE)], Text] = {}
    resources: Resources = Resources()


Condition = Annotated[str, Meta(min_length=1, max_length=1000)]


class Wrapped(Shape, frozen=True, kw_only=True, tag_field=_FORM, tag="manifest"):
    """A whole Kubernetes manifest, with placeholders."""

    manifest: dict[str, Any]
    primary_container: Annotated[str, Meta(min_length=1, max_length=63)] | None = None
    primary_pod_labels: Annotated[dict[str, str], Meta(max_length=16)] = {}
    success_condition: Condition | None = None
    failure_condition: Condition | None = None


class Workers(Shape, frozen=True, kw_only=True, tag_field=_FORM, tag="workers"):
    """Nothing is launched: workers ask for the trials and run them."""

    workers: bool


class Algorithm(Shape, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    settings: dict[str, Any] = {}


class Constraint(Shape, frozen=True, kw_only=True):
    metric: MetricName
    min: Number | None = None
    max: Number | None = None


class Source(Shape, frozen=True, kw_only=True):
    """An earlier experiment of the same namespace."""

    name: Name


class Objective(Shape, frozen=True, kw_only=True):
    metric: MetricName = "objective"
    direction: Literal["minimize", "maximize"] = "minimize"
    goal: Number | None = None


Pattern = Annotated[str, Meta(min_length=1, max_length=1000)]


class Metrics(Shape, frozen=True, kw_only=True):
    source: Literal["stdout", "file", "tensorboard", "push"] = "stdout"
    format: Literal["text", "json"] = "text"
    path: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    pattern: (
        Pattern
        | Annotated[list[Pattern], Meta(min_length=1, max_length=32)]
        | Annotated[dict[MetricName, Pattern], Meta(min_length=1, max_length=32)]
        | None
    ) = None
    step: MetricName | None = "step"


Labels = dict[Annotated[str, matching(patterns.LABEL)], Annotated[str, Meta(max_length=200)]]


class Terms(Shape, frozen=True, kw_only=True):
    """What may still be changed after the start."""

    max_trials: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    parallel_trials: Annotated[int, Meta(ge=1, le=1000)] = 3
    max_failed_trials: Count | None = None
    give_up_after: Count | None = 3
    max_seconds: Positive | None = None
    max_cost: Positive | None = None
    ttl_seconds_after_finished: Annotated[float, Meta(ge=0, le=1e10)] | None = None
    labels: Annotated[Labels, Meta(max_length=LABELS)] = {}
    hpo_algorithm: Algorithm = Algorithm(name="tpe")
    early_stopping: Annotated[list[Algorithm], Meta(max_length=8)] = []


class Request(Terms, frozen=True, kw_only=True):
    """What is submitted: an experiment."""

    name: Name | None = None
    namespace: Name = "default"
    model_training_code: Image | Wrapped | Workers
    hyperparameters: Annotated[
        dict[Annotated[str, matching(patterns.PARAMETER_NAME)], AnyHyperparameter],
        Meta(max_length=500),
    ]
    define_by_run: bool = False
    objective: Objective | None = None
    objectives: Annotated[list[Objective], Meta(min_length=1, max_length=16)] | None = None
    constraints: Annotated[list[Constraint], Meta(max_length=16)] = []
    warm_start: Annotated[list[Source], Meta(max_length=16)] = []
    metrics: Metrics = Metrics()
    trial_timeout_seconds: Positive | None = None
    stall_seconds: Annotated[float, Meta(ge=1, le=1e9)] | None = None
    cost_per_hour: Positive | None = None
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    enqueue: Annotated[list[Any], Meta(max_length=1000)] = []
    seed: Annotated[int, Meta(ge=0, le=SAFE_INTEGER)] | None = None
    keep_checkpoints: Count | None = None
    keep_output: bool = True


def ordinary(shape: type[Read], written: Mapping[Any, Any]) -> Read | None:
    """Read `written`, with its short forms, as this shape; None if anything is wrong with it."""
    try:
        return converted(shape, written)
    except msgspec.ValidationError:
        return None


def converted(shape: type[Read], written: Mapping[Any, Any]) -> Read:
    """Read a request; raises `msgspec.ValidationError`."""
    return msgspec.convert(_full(written), shape)


def conditional(form: Mapping[Any, Any]) -> Hyperparameter | None:
    """Read the conditions of a hyperparameter about which nothing else can be read."""
    when = _whens(form.get("when"))
    try:
        return msgspec.convert({"type": "Hyperparameter", "when": when}, Hyperparameter)
    except msgspec.ValidationError:
        return None


def plain(shape: Shape, *, sparse: bool = False) -> dict[str, Any]:
    """Return the JSON object of a shape; if it is to be `sparse`, without defaults at any depth."""
    fields = {name: getattr(shape, name) for name in shape.__struct_fields__}
    if sparse:
        defaults = {one.name: _default(one) for one in msgspec.structs.fields(shape)}
        fields = {name: value for name, value in fields.items() if value != defaults[name]}
    return {name: _plain(value, sparse) for name, value in fields.items()}


def is_manifest(written: Any) -> bool:
    return isinstance(written, dict) and ("apiVersion" in written or "kind" in written)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def _plain(value: Any, sparse: bool) -> Any:
    if isinstance(value, Shape):
        return plain(value, sparse=sparse)
    if isinstance(value, list):
        return [_plain(one, sparse) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one, sparse) for name, one in value.items()}
    return value


def _full(written: Mapping[Any, Any]) -> dict[Any, Any]:
    """Write out the short forms, as far as they are valid."""
    return {name: _FULL[name](value) if name in _FULL else value for name, value in written.items()}


def _code(written: Any) -> Any:
    if isinstance(written, str):
        return {"image": written, _FORM: "image"}
    if is_manifest(written):
        return {"manifest": written, _FORM: "manifest"}
    if (
        not isinstance(written, dict)
        or _FORM in written
        or written.get("workers", True) is not True
    ):
        return None
    form = "workers" if "workers" in written else "manifest" if "manifest" in written else "image"
    return {**written, _FORM: form}


def _named(written: Any) -> Any:
    return {"name": written} if isinstance(written, str) else written


def _each_named(written: Any) -> Any:
    return [_named(one) for one in written] if isinstance(written, list) else written


def _rules(written: Any) -> Any:
    each = written if isinstance(written, list) else [] if written is None else [written]
    return [_named(one) for one in each]


def _hyperparameters(written: Any) -> Any:
    if not isinstance(written, dict):
        return written
    return {name: _hyperparameter(form) for name, form in written.items()}


def _hyperparameter(form: Any) -> Any:
    if not isinstance(form, dict):
        return form
    full = dict(form)
    if isinstance(form.get("choices"), list):
        full["choices"] = [_choice(one) for one in form["choices"]]
    if "when" in form:
        full["when"] = _whens(form["when"])
    return full


def _choice(written: Any) -> Any:
    if isinstance(written, dict) and ("value" in written or "weight" in written):
        return written
    return {"value": written}


def _whens(written: Any) -> Any:
    if not isinstance(written, dict):
        return written
    return {name: one if isinstance(one, list | dict) else [one] for name, one in written.items()}


_FULL = {
    "model_training_code": _code,
    "hyperparameters": _hyperparameters,
    "hpo_algorithm": _named,
    "early_stopping": _rules,
    "warm_start": _each_named,
}
