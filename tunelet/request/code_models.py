"""The training code of a request, as pydantic models: an image, a manifest, or workers."""

from typing import Annotated, Any

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
from pydantic_core import PydanticCustomError

from tunelet.core.run import COMMAND
from tunelet.request.patterns import IMAGE, VARIABLE
from tunelet.request.pod_models import Pod
from tunelet.request.shapes import is_manifest
from tunelet.request.strict_model import NO_OTHERS, StrictModel, Text


def _quantity(written: Any) -> Any:
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        raise PydanticCustomError("quantity", "must be a Kubernetes quantity")
    return written


Quantity = Annotated[
    Any,
    AfterValidator(_quantity),
    WithJsonSchema({"type": ["string", "number"], "examples": [2, 0.5, "500m", "4Gi"]}),
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
        json_schema_extra=NO_OTHERS,
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
