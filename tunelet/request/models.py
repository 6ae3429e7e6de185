"""What a user may write: the shape of a request, in its short and its full forms.

These models check shapes and fill in defaults; what the fields mean together is checked
in the other modules of this package. The JSON Schema is made from them. The search space, the
training code and its pod are in `space_models`, `code_models` and `pod_models`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from tunelet.request.code_models import TrainingCode
from tunelet.request.patterns import LABEL, METRIC, NAME, PARAMETER_NAME
from tunelet.request.space_models import AnyHyperparameter
from tunelet.request.strict_model import NO_OTHERS, Number, Positive, StrictModel
from tunelet.text.limits import LABELS, SAFE_INTEGER
from tunelet.training.regex import ALONE, NAMED

Enqueued = Annotated[
    Any,  # The space says more about what is wrong with it.
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        }
    ),
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
        Field(min_length=1, max_length=32, json_schema_extra=NO_OTHERS),
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
        json_schema_extra=NO_OTHERS,
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
        json_schema_extra={**NO_OTHERS, "minProperties": 1},
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
