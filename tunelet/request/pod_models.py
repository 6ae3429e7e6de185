"""What Kubernetes is to know of a trial's pod beyond its image, as pydantic models.

The structs of the same names, which the checks read, are in `tunelet.request.pod_shapes`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from tunelet.request.patterns import ABSOLUTE, OBJECT_LABEL, OBJECT_NAME, VARIABLE
from tunelet.request.strict_model import StrictModel

ObjectName = Annotated[str, Field(pattern=OBJECT_NAME)]
ObjectLabel = Annotated[str, Field(pattern=OBJECT_LABEL)]
Key = Annotated[str, Field(min_length=1, max_length=253)]


class Toleration(StrictModel):
    key: str = Field(default="", max_length=317)
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = Field(default="", max_length=63)
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    tolerationSeconds: int | None = None


class VolumeMount(StrictModel):
    name: ObjectLabel
    mountPath: str = Field(pattern=ABSOLUTE, max_length=1000)
    subPath: str | None = Field(default=None, max_length=1000)
    readOnly: bool = False


class Named(StrictModel):
    name: ObjectName
    optional: bool = False


class EnvFrom(StrictModel):
    """All keys of a Secret or a ConfigMap as variables."""

    prefix: str = Field(default="", max_length=100)
    secretRef: Named | None = None
    configMapRef: Named | None = None


class SecretKey(StrictModel):
    """One key of a Secret."""

    name: ObjectName
    key: Key


class Pod(StrictModel):
    node_selector: dict[Key, Annotated[str, Field(max_length=63)]] = Field(default={})
    tolerations: list[Toleration] = Field(default=[], max_length=64)
    service_account: ObjectName | None = Field(
        default=None, description="The ServiceAccount; its token is mounted only if one is named."
    )
    volumes: list[dict[str, Any]] = Field(
        default=[],
        max_length=64,
        examples=[[{"name": "data", "persistentVolumeClaim": {"claimName": "digits"}}]],
    )
    volume_mounts: list[VolumeMount] = Field(default=[], max_length=64)
    secrets: dict[Annotated[str, Field(pattern=VARIABLE)], SecretKey] = Field(
        default={},
        json_schema_extra={"additionalProperties": False},
        description="Environment variables read from Secrets in the trials' namespace.",
        examples=[{"API_KEY": {"name": "registry", "key": "token"}}],
    )
    env_from: list[EnvFrom] = Field(default=[], max_length=64)
    image_pull_secrets: list[ObjectName] = Field(default=[], max_length=16)
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    priority_class: ObjectName | None = None
    queue: ObjectLabel | None = Field(default=None, description="The Kueue queue.")
    security_context: dict[str, Any] = Field(
        default={},
        description="The pod's security context; overrides the defaults.",
        examples=[{"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000}],
    )
    termination_grace_period_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = Field(
        default=None, description="Seconds between the signal to stop and the kill; 30 by default."
    )
    bad_exit_codes: list[Annotated[int, Field(ge=1, le=255)]] = Field(
        default=[],
        max_length=255,
        description="Exit codes that mean that the hyperparameters are bad.",
    )
    nodes: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Pods that train one trial together; the one of rank 0 reports.",
    )
