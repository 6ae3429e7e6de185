"""What Kubernetes is to know of a trial's pod beyond its image; on one machine it means nothing.

The fields are those of a Job, a pod or a container, in snake_case; what stands below
them is written as in Kubernetes' own API. What is not here takes a manifest.
"""

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from tunelet.errors import FieldError
from tunelet.request.strict_model import StrictModel
from tunelet.text.messages import path

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
"""The name of a Secret, a service account and the like: a DNS subdomain."""
OBJECT_LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
ABSOLUTE = r"^/[^:]*$"

OURS = "tunelet-"
"""With this begin the volumes that Tunelet adds itself."""

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


def problems(pod: Pod, env: Collection[str]) -> Iterator[FieldError]:
    """What is wrong with the fields together; `env` are the names of other variables."""
    names = [volume.get("name") for volume in pod.volumes]
    for index, volume in enumerate(pod.volumes):
        if complaint := _volume_complaint(volume, names.index(volume.get("name")) < index):
            yield _error(["volumes", index], *complaint)
    for index, mount in enumerate(pod.volume_mounts):
        if mount.name not in names:
            message, remedy = "names no volume", "add the volume to volumes"
            yield _error(["volume_mounts", index, "name"], message, remedy)
    for index, source in enumerate(pod.env_from):
        if (source.secretRef is None) == (source.configMapRef is None):
            message = "must have one of secretRef and configMapRef"
            yield _error(["env_from", index], message, 'write {"secretRef": {"name": "…"}}, say')
    for name in pod.secrets:
        if name in env:
            yield _error(["secrets", name], "is also set in env", "keep one of them")


def _volume_complaint(volume: dict[str, Any], again: bool) -> tuple[str, str] | None:
    name = volume.get("name")
    if not isinstance(name, str) or not name:
        return "has no name", 'write {"name": "data", "emptyDir": {}}, say'
    if again:
        return "has the name of another volume", "give it one of its own"
    if name.startswith(OURS):
        return f"has a name that begins with {OURS}", "use another name"
    if len(volume) != 2:
        remedy = 'write {"name": "data", "persistentVolumeClaim": {"claimName": "…"}}, say'
        return "must have a name and one source", remedy
    return None


def _error(segments: list[Any], message: str, remedy: str) -> FieldError:
    return FieldError(path(["model_training_code", *segments]), None, message, remedy)
