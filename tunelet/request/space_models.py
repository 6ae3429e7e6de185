"""The search space of a request, as pydantic models: a class for each kind of hyperparameter."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from tunelet.request.strict_model import Number, Positive, StrictModel
from tunelet.text.limits import SAFE_INTEGER

Integer = Annotated[int, Field(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]

_SCALE = "log: uniform in the logarithm. Default: linear."


def _scalar(written: Any) -> Any:
    if isinstance(written, dict | list):
        raise PydanticCustomError("scalar", "must be text, a number, true, false or null")
    return written


# A union would answer with one error for each of its members.
Scalar = Annotated[
    Any,
    AfterValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
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
