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
    """A taint of nodes on which the pod may run."""

    key: str = Field(default="", max_length=317, description="The taint's key; empty: any.")
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="Equal: with this value. Exists: with any."
    )
    value: str = Field(default="", max_length=63, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The taint's effect; unset: any."
    )
    tolerationSeconds: int | None = Field(
        default=None, description="How long the pod stays on a node with NoExecute; unset: always."
    )


class VolumeMount(StrictModel):
    """Where the container has a volume."""

    name: ObjectLabel = Field(description="The volume's name, as in `volumes`.")
    mountPath: str = Field(
        pattern=ABSOLUTE, max_length=1000, description="The path in the container."
    )
    subPath: str | None = Field(
        default=None, max_length=1000, description="The path in the volume; unset: its root."
    )
    readOnly: bool = Field(default=False, description="Whether the container may not write.")


class Named(StrictModel):
    """A Secret or a ConfigMap in the trials' namespace."""

    name: ObjectName = Field(description="Its name.")
    optional: bool = Field(default=False, description="Whether a pod starts without it.")


class EnvFrom(StrictModel):
    """All keys of a Secret or a ConfigMap as variables."""

    prefix: str = Field(default="", max_length=100, description="Before the name of each key.")
    secretRef: Named | None = Field(default=None, description="The Secret.")
    configMapRef: Named | None = Field(default=None, description="The ConfigMap.")


class SecretKey(StrictModel):
    """One key of a Secret."""

    name: ObjectName = Field(description="The Secret's name.")
    key: Key = Field(description="The key in it.")


class Pod(StrictModel):
    node_selector: dict[Key, Annotated[str, Field(max_length=63)]] = Field(
        default={},
        description="Labels that a node needs for the pod to run there.",
        examples=[{"accelerator": "a100"}],
    )
    tolerations: list[Toleration] = Field(
        default=[], max_length=64, description="Taints of nodes on which the pod may run."
    )
    service_account: ObjectName | None = Field(
        default=None, description="The ServiceAccount; its token is mounted only if one is named."
    )
    volumes: list[dict[str, Any]] = Field(
        default=[],
        max_length=64,
        description="Volumes of the pod, each with a name and one source, as in Kubernetes.",
        examples=[[{"name": "data", "persistentVolumeClaim": {"claimName": "digits"}}]],
    )
    volume_mounts: list[VolumeMount] = Field(
        default=[],
        max_length=64,
        description="Where the container has these volumes.",
        examples=[[{"name": "data", "mountPath": "/data"}]],
    )
    secrets: dict[Annotated[str, Field(pattern=VARIABLE)], SecretKey] = Field(
        default={},
        json_schema_extra={"additionalProperties": False},
        description="Environment variables read from Secrets in the trials' namespace.",
        examples=[{"API_KEY": {"name": "registry", "key": "token"}}],
    )
    env_from: list[EnvFrom] = Field(
        default=[],
        max_length=64,
        description="Secrets and ConfigMaps with environment variables.",
        examples=[[{"secretRef": {"name": "registry"}}]],
    )
    image_pull_secrets: list[ObjectName] = Field(
        default=[], max_length=16, description="Secrets with credentials for the image's registry."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="When the image is pulled; unset: Kubernetes' default."
    )
    priority_class: ObjectName | None = Field(
        default=None, description="The name of the pod's PriorityClass."
    )
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
