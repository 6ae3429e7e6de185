"""What a user may write: the shape of a request, in its short and its full forms.

These models check shapes and fill in defaults; what the fields mean together is checked
in the other modules of this package. The JSON Schema is made from them.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from tunelet.core.run import COMMAND
from tunelet.request.patterns import IMAGE, LABEL, METRIC, NAME, PARAMETER_NAME, VARIABLE
from tunelet.request.pod_models import Pod
from tunelet.request.shapes import is_manifest
from tunelet.request.strict_model import StrictModel, Text
from tunelet.text.limits import LABELS, SAFE_INTEGER
from tunelet.training.regex import ALONE, NAMED

Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Positive = Annotated[float, Field(gt=0, le=1e300)]
Integer = Annotated[int, Field(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]

_SCALE = "log: uniform in the logarithm. Default: linear."
_NO_OTHERS: JsonDict = {"additionalProperties": False}
"""Beside a dictionary's patternProperties."""


def _scalar(written: Any) -> Any:
    if isinstance(written, dict | list):
        raise PydanticCustomError("scalar", "must be text, a number, true, false or null")
    return written


def _quantity(written: Any) -> Any:
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        raise PydanticCustomError("quantity", "must be a Kubernetes quantity")
    return written


# A union would answer with one error for each of its members.
Scalar = Annotated[
    Any,
    AfterValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
Quantity = Annotated[
    Any,
    AfterValidator(_quantity),
    WithJsonSchema({"type": ["string", "number"], "examples": [2, 0.5, "500m", "4Gi"]}),
]
Enqueued = Annotated[
    Any,  # The space says more about what is wrong with it.
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        }
    ),
]


class Range(StrictModel):
    """The parent is a number from `min` to `max`, both included."""

    min: Number | None = Field(default=None, description="Unset: no lower bound.")
    max: Number | None = Field(default=None, description="Unset: no upper bound.")


def _values(written: Any) -> Any:
    return written if isinstance(written, list | dict) else [written]


def _is_range(written: Any) -> str:
    return "<range>" if isinstance(written, dict | Range) else "<values>"


Wanted = Annotated[
    Annotated[list[Scalar], Tag("<values>")] | Annotated[Range, Tag("<range>")],
    Discriminator(_is_range),
    BeforeValidator(_values, json_schema_input_type=Scalar | list[Scalar] | Range),
]


class Hyperparameter(StrictModel):
    when: Annotated[dict[str, Wanted], Field(max_length=16)] | None = Field(
        default=None,
        description="Active only if every parent named here is active and has this value, one "
        "of these values, or a value in this range.",
        examples=[{"classifier": "svm"}, {"layers": {"min": 2}}],
    )


class Conditions(Hyperparameter):
    """The conditions of a hyperparameter about which nothing else can be read."""

    model_config = ConfigDict(extra="ignore")


class FloatRange(Hyperparameter):
    """A number between two bounds."""

    type: Literal["float"] = Field(description="The kind.")
    min: Number = Field(description="The lower bound, included.")
    max: Number = Field(description="The upper bound, included.")
    scale: Literal["linear", "log", "reverse_log"] | None = Field(
        default=None,
        description="log: uniform in log x, for min > 0. reverse_log: uniform in log(1 - x), so "
        "dense towards max, for 0 <= min < max < 1. Default: linear.",
    )
    log: bool = Field(default=False, description='Short for "scale": "log".')
    reverse_log: bool = Field(default=False, description='Short for "scale": "reverse_log".')
    step: Positive | None = Field(
        default=None, description="Only values min + k * step. Linear scale only."
    )


class IntRange(Hyperparameter):
    """An integer between two bounds, both included."""

    type: Literal["int"] = Field(description="The kind.")
    min: Integer = Field(description="The lower bound, included.")
    max: Integer = Field(description="The upper bound, included.")
    scale: Literal["linear", "log"] | None = Field(default=None, description=_SCALE)
    log: bool = Field(default=False, description='Short for "scale": "log".')
    step: Annotated[int, Field(ge=1, le=SAFE_INTEGER)] | None = Field(
        default=None, description="Only values min + k * step. Linear scale only."
    )


class Choice(StrictModel):
    """A value of a categorical hyperparameter, with its weight."""

    value: Scalar = Field(description="The value that a trial gets.")
    weight: Positive = Field(
        default=1.0, description="The choice is drawn in proportion to its weight."
    )


def _choice(written: Any) -> Any:
    if isinstance(written, dict) and written.keys() & Choice.model_fields.keys():
        return written
    return {"value": _scalar(written)}


class Choices(Hyperparameter):
    """One of several values."""

    type: Literal["categorical"] = Field(description="The kind.")
    choices: list[
        Annotated[Choice, BeforeValidator(_choice, json_schema_input_type=Scalar | Choice)]
    ] = Field(min_length=1, description="The values, each alone or with its weight.")
    flag: bool = Field(
        default=False,
        description="The argument is --name for true, and omitted for false and null.",
    )


class NormalPrior(Hyperparameter):
    """A normally distributed number, unbounded."""

    type: Literal["normal"] = Field(description="The kind.")
    mean: Number = Field(description="The mean.")
    std: Positive = Field(description="The standard deviation.")
    step: Positive | None = Field(default=None, description="Quantized: round(x / step) * step.")
    integer: bool = Field(default=False, description="Values are integers; step is 1 if not given.")


class LogNormalPrior(NormalPrior):
    """exp(normal(mean, std)): mean and std are those of the logarithm."""

    type: Literal["lognormal"] = Field(description="The kind.")  # type: ignore[assignment]


class QuantizedRange(Hyperparameter):
    """round(x / step) * step of a number x between two bounds."""

    type: Literal["quantized"] = Field(description="The kind.")
    min: Number = Field(description="The lower bound of x.")
    max: Number = Field(description="The upper bound of x.")
    scale: Literal["linear", "log"] | None = Field(default=None, description=_SCALE)
    log: bool = Field(default=False, description='Short for "scale": "log".')
    step: Positive = Field(default=1.0, description="Values are multiples of this.")
    integer: bool = Field(default=False, description="Values are integers.")


KINDS: dict[str, type[Hyperparameter]] = {
    "float": FloatRange,
    "int": IntRange,
    "categorical": Choices,
    "normal": NormalPrior,
    "lognormal": LogNormalPrior,
    "quantized": QuantizedRange,
}
AnyHyperparameter = Annotated[
    FloatRange | IntRange | Choices | NormalPrior | LogNormalPrior | QuantizedRange,
    Field(discriminator="type"),
]


class Resources(StrictModel):
    """As in a Kubernetes container."""

    requests: dict[str, Quantity] = Field(
        default={}, description="What the scheduler reserves.", examples=[{"cpu": 2}]
    )
    limits: dict[str, Quantity] = Field(
        default={}, description="The most that it may use.", examples=[{"memory": "4Gi"}]
    )


class Image(Pod):
    """A container image and how to start it, or a command of the service's own machine."""

    image: str = Field(
        default=COMMAND,
        min_length=1,
        max_length=500,
        pattern=IMAGE,
        description="Without an image, `command` runs on the machine of a service that allows it.",
    )
    command: list[Text] = Field(
        default=[], description="Replaces the image's entrypoint. Without an image: what runs."
    )
    workdir: Text | None = Field(
        default=None,
        description="The folder in which a command without an image starts, an absolute path. By "
        "default each trial has an empty folder of its own.",
    )
    args: list[Text] = Field(
        default=[],
        description="--name=value for each hyperparameter is appended, unless a placeholder "
        "${hyperparameters.NAME} is used in command, args or env.",
    )
    env: dict[Annotated[str, Field(pattern=VARIABLE)], Text] = Field(
        default={},
        json_schema_extra=_NO_OTHERS,
        description="Environment variables; their values may have placeholders.",
        examples=[{"OMP_NUM_THREADS": "1"}],
    )
    resources: Resources = Field(
        default=Resources(), description="CPU, memory and devices of the container."
    )


class Wrapped(StrictModel):
    """A whole Kubernetes manifest, with placeholders."""

    manifest: dict[str, Any] = Field(description="The object to create for each trial.")
    primary_container: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="The container to read output from. Optional if there is only one, or if the "
        "kind has a usual name for it.",
    )
    primary_pod_labels: dict[str, str] = Field(
        default={},
        max_length=16,
        description="Labels of the pod to read output from, if a run has several pods.",
        examples=[{"training.kubeflow.org/job-role": "master"}],
    )
    success_condition: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="A condition on the object's status that means success, in Katib's syntax. "
        "Kinds that Tunelet knows need none.",
        examples=[
            'status.conditions.#(type=="Complete")#|#(status=="True")#',
            'status.phase=="Succeeded"',
        ],
    )
    failure_condition: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="A condition on the object's status that means failure.",
    )


def _true(written: Any) -> Any:
    if written is not True:
        raise PydanticCustomError("true", "must be true")
    return written


class Workers(StrictModel):
    """Nothing is launched: workers ask for the trials and run them."""

    workers: Annotated[Any, AfterValidator(_true), WithJsonSchema({"const": True})] = Field(
        description="Always true."
    )


class Manifest(BaseModel):
    """A whole Kubernetes manifest, unchanged; for the JSON Schema only."""

    model_config = ConfigDict(extra="allow", defer_build=True)
    apiVersion: str = Field(description="The group and version of the kind.")
    kind: str = Field(description="The kind.", examples=["Job", "PyTorchJob"])
    metadata: dict[str, Any] = Field(default={}, description="Labels and annotations.")
    spec: dict[str, Any] = Field(description="As the kind has it, with placeholders.")


def _code(written: Any) -> Any:
    if isinstance(written, str):
        return {"image": written}
    return {"manifest": written} if is_manifest(written) else written


def _code_form(written: Any) -> str:
    if isinstance(written, Workers) or (isinstance(written, dict) and "workers" in written):
        return "<workers>"
    wrapped = isinstance(written, Wrapped) or (isinstance(written, dict) and "manifest" in written)
    return "<manifest>" if wrapped else "<image>"


TrainingCode = Annotated[
    Annotated[Image, Tag("<image>")]
    | Annotated[Wrapped, Tag("<manifest>")]
    | Annotated[Workers, Tag("<workers>")],
    Discriminator(_code_form),
    BeforeValidator(_code, json_schema_input_type=str | Image | Wrapped | Manifest | Workers),
]


class Algorithm(StrictModel):
    """An algorithm or a stopping rule, with its settings."""

    name: str = Field(
        min_length=1, max_length=100, description="The name, as `tunelet algorithms` lists it."
    )
    settings: dict[str, Any] = Field(
        default={}, description="Its settings; `tunelet algorithms NAME` shows them."
    )


def _named(written: Any) -> Any:
    """The full form of what may be given by its name alone."""
    return {"name": written} if isinstance(written, str) else written


def _rules(written: Any) -> Any:
    each = written if isinstance(written, list) else [] if written is None else [written]
    return [_named(one) for one in each]


AlgorithmOrName = Annotated[
    Algorithm, BeforeValidator(_named, json_schema_input_type=str | Algorithm)
]
Rules = Annotated[
    list[Algorithm],
    Field(max_length=8, description="A trial is stopped as soon as one of these rules says so."),
    BeforeValidator(_rules, json_schema_input_type=str | Algorithm | list[str | Algorithm] | None),
]


class Constraint(StrictModel):
    """What a trial's last value of a metric must be for the trial to be among the best."""

    metric: str = Field(pattern=METRIC, description="The name of the metric.")
    min: Number | None = Field(default=None, description="The least allowed value.")
    max: Number | None = Field(default=None, description="The largest allowed value.")


class Source(StrictModel):
    """An earlier experiment of the same namespace."""

    name: str = Field(pattern=NAME, description="The name of the experiment.")


class Objective(StrictModel):
    """A metric to optimize; its last value in a trial counts."""

    metric: str = Field(default="objective", pattern=METRIC, description="The name of the metric.")
    direction: Literal["minimize", "maximize"] = Field(
        default="minimize", description="Whether smaller or larger values are better."
    )
    goal: Number | None = Field(
        default=None, description="The experiment ends when a trial reaches this value."
    )


Pattern = Annotated[str, Field(min_length=1, max_length=1000)]


def _patterns_form(written: Any) -> str:
    if isinstance(written, dict):
        return "<by metric>"
    return "<list>" if isinstance(written, list) else "<pattern>"


Patterns = Annotated[
    Annotated[Pattern, Tag("<pattern>")]
    | Annotated[list[Pattern], Field(min_length=1, max_length=32), Tag("<list>")]
    | Annotated[
        dict[Annotated[str, Field(pattern=METRIC)], Pattern],
        Field(min_length=1, max_length=32, json_schema_extra=_NO_OTHERS),
        Tag("<by metric>"),
    ],
    Discriminator(_patterns_form),
]


class Metrics(StrictModel):
    """Where and how the metrics of a trial are read."""

    source: Literal["stdout", "file", "tensorboard", "push"] = Field(
        default="stdout",
        description="Where the values are: in the output, in a file, in event files of "
        "TensorBoard, or in reports that the training sends itself.",
    )
    format: Literal["text", "json"] = Field(
        default="text", description="text: lines with name=value. json: an object on each line."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="The path of the file; for tensorboard, of the folder with the event files.",
    )
    pattern: Patterns | None = Field(
        default=None,
        description="A regular expression (RE2) with the groups `name` and `value`, or with the "
        "group `value` alone for the only objective; a list of them; or an object with one for "
        "each metric.",
        examples=[NAMED, [NAMED, ALONE], {"accuracy": ALONE}],
    )
    step: str | None = Field(
        default="step", pattern=METRIC, description="The metric that numbers the steps."
    )


Labels = dict[Annotated[str, Field(pattern=LABEL)], Annotated[str, Field(max_length=200)]]


class Terms(StrictModel):
    """What may still be changed after the start."""

    max_trials: int = Field(
        default=20, ge=1, le=1_000_000, description="The number of trials of the experiment."
    )
    parallel_trials: int = Field(
        default=3, ge=1, le=1000, description="The most trials that run at the same time."
    )
    max_failed_trials: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="The experiment fails when more trials than this have failed."
    )
    give_up_after: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=3,
        description="The experiment fails when this many trials in a row fail for the same reason "
        "before any completes; 0 or null: never.",
    )
    max_seconds: Positive | None = Field(
        default=None, description="Wall-clock seconds that the experiment may take."
    )
    max_cost: Positive | None = Field(
        default=None,
        description="The cost that the experiment may have, in the unit of cost_per_hour.",
    )
    ttl_seconds_after_finished: Annotated[float, Field(ge=0, le=1e10)] | None = Field(
        default=None, description="Delete the experiment this many seconds after its end."
    )
    labels: Labels = Field(
        default={},
        max_length=LABELS,
        json_schema_extra=_NO_OTHERS,
        description="Names and texts of your own, to find experiments by.",
        examples=[{"team": "vision"}],
    )
    hpo_algorithm: AlgorithmOrName = Field(
        default=Algorithm(name="tpe"),
        description="What suggests hyperparameters: its name, or its name with settings.",
        examples=["tpe", {"name": "cma_es", "settings": {}}],
    )
    early_stopping: Rules = Field(default=[])


class Request(Terms):
    """What is submitted: an experiment."""

    name: Annotated[str, Field(pattern=NAME)] | None = Field(
        default=None, description="A DNS label of at most 40 characters; generated if absent."
    )
    namespace: str = Field(
        default="default", pattern=NAME, description="The namespace of the experiment."
    )
    model_training_code: TrainingCode = Field(
        description="What runs for each trial: an image or its alias, an image with its settings, "
        "a Kubernetes manifest, or workers that ask for trials.",
        examples=["registry.example.com/train:1"],
    )
    hyperparameters: dict[Annotated[str, Field(pattern=PARAMETER_NAME)], AnyHyperparameter] = Field(
        # Only `tunelet.tune` sends none.
        max_length=500,
        json_schema_extra={**_NO_OTHERS, "minProperties": 1},
        description="The search space: each hyperparameter by its name.",
        examples=[{"learning_rate": {"type": "float", "min": 0.01, "max": 0.1}}],
    )
    define_by_run: bool = Field(
        default=False,
        description="The trials choose their hyperparameters while they run, as the function of "
        "`tunelet.tune` does without a space. `hyperparameters` is empty then.",
    )
    objective: Objective | None = Field(
        default=None, description="The metric to optimize; unset: `objective`, minimized."
    )
    objectives: list[Objective] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description="Several metrics to optimize at once, in place of `objective`.",
    )
    constraints: list[Constraint] = Field(
        default=[], max_length=16, description="Bounds of metrics; all must hold."
    )
    warm_start: list[
        Annotated[Source, BeforeValidator(_named, json_schema_input_type=str | Source)]
    ] = Field(
        default=[],
        max_length=16,
        description="Ended trials of these experiments teach the algorithm, too.",
    )
    metrics: Metrics = Field(
        default=Metrics(), description="How the metrics are read; unset: from lines of the output."
    )
    trial_timeout_seconds: Positive | None = Field(
        default=None, description="An attempt that takes longer than this is ended."
    )
    stall_seconds: Annotated[float, Field(ge=1, le=1e9)] | None = Field(
        default=None,
        description="An attempt that has neither printed nor reported anything for so long is "
        "ended and made again, within `max_attempts`.",
    )
    cost_per_hour: Positive | None = Field(
        default=None, description="The price of one hour of one trial."
    )
    max_attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="The most attempts of a trial when the infrastructure fails.",
    )
    enqueue: list[Enqueued] = Field(
        default=[], max_length=1000, description="Hyperparameters of trials to run first."
    )
    seed: Annotated[int, Field(ge=0, le=SAFE_INTEGER)] | None = Field(
        default=None,
        description="With the same seed the suggestions repeat. Unset: one of its own.",
    )
    keep_checkpoints: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None,
        description="Of how many of the best trials the checkpoints are kept; of several "
        "objectives, of the Pareto front. Those of other ended trials are removed. 0: none are "
        "kept; null: all are.",
    )
    keep_output: bool = Field(
        default=True,
        description="Store the output of each attempt beside the experiment's log, so that it can "
        "be read when the run is gone.",
    )


SMALLEST: dict[str, Any] = {
    "model_training_code": "docker_image_url",
    "hyperparameters": {
        "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
        "batch_size": {"type": "int", "min": 32, "max": 128},
    },
    "hpo_algorithm": "random_search",
}
"""The smallest useful request."""

_FULL: dict[str, Any] = {
    "name": "svm-or-forest",
    "model_training_code": {
        "image": "registry.example.com/train:1",
        "args": ["--kernel-width=${hyperparameters.width}"],
        "env": {"OMP_NUM_THREADS": "1"},
        "resources": {"limits": {"cpu": 2, "memory": "4Gi"}},
    },
    "hyperparameters": {
        "width": {"type": "lognormal", "mean": 0.0, "std": 1.0},
        "classifier": {
            "type": "categorical",
            "choices": [{"value": "svm", "weight": 3}, {"value": "forest"}],
        },
        "c": {"type": "float", "min": 1e-3, "max": 1e3, "log": True, "when": {"classifier": "svm"}},
    },
    "hpo_algorithm": {"name": "tpe", "settings": {}},
    "objective": {"metric": "accuracy", "direction": "maximize", "goal": 0.99},
    "max_trials": 100,
    "parallel_trials": 10,
    "enqueue": [{"width": 1.0, "classifier": "svm", "c": 1.0}],
}


def request_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a request, with every short and full form."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:tunelet:schema:request:v1",
        **Request.model_json_schema(mode="validation"),
        "title": "Tunelet experiment request",
        "examples": [SMALLEST, _FULL],
    }
