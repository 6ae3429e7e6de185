"""What Kubernetes is to know of a trial's pod beyond its image; on one machine it means nothing.

The fields are those of a Job, a pod or a container, in snake_case; below them, everything is
written as in Kubernetes' own API. What is not here takes a manifest.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from tunelet.request import patterns


def matching(pattern: str, max_length: int | None = None) -> Meta:
    """Constrain a text to a pattern of a request.

    In Python, unlike in Rust and JavaScript, `$` also matches before a line feed at the end.
    """
    return Meta(pattern=pattern.removesuffix("$") + r"\Z", max_length=max_length)


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object without unknown fields."""


Text = Annotated[str, Meta(max_length=32_768)]
ObjectName = Annotated[str, matching(patterns.OBJECT_NAME)]
ObjectLabel = Annotated[str, matching(patterns.OBJECT_LABEL)]
Key = Annotated[str, Meta(min_length=1, max_length=253)]


class Toleration(Shape, frozen=True, kw_only=True):
    key: Annotated[str, Meta(max_length=317)] = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: Annotated[str, Meta(max_length=63)] = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    tolerationSeconds: int | None = None


class VolumeMount(Shape, frozen=True, kw_only=True):
    name: ObjectLabel
    mountPath: Annotated[str, matching(patterns.ABSOLUTE, max_length=1000)]
    subPath: Annotated[str, Meta(max_length=1000)] | None = None
    readOnly: bool = False


class Named(Shape, frozen=True, kw_only=True):
    name: ObjectName
    optional: bool = False


class EnvFrom(Shape, frozen=True, kw_only=True):
    """All keys of a Secret or a ConfigMap as variables."""

    prefix: Annotated[str, Meta(max_length=100)] = ""
    secretRef: Named | None = None
    configMapRef: Named | None = None


class SecretKey(Shape, frozen=True, kw_only=True):
    """One key of a Secret."""

    name: ObjectName
    key: Key


class Pod(Shape, frozen=True, kw_only=True):
    node_selector: dict[Key, Annotated[str, Meta(max_length=63)]] = {}
    tolerations: Annotated[list[Toleration], Meta(max_length=64)] = []
    service_account: ObjectName | None = None
    volumes: Annotated[list[dict[str, Any]], Meta(max_length=64)] = []
    volume_mounts: Annotated[list[VolumeMount], Meta(max_length=64)] = []
    secrets: dict[Annotated[str, matching(patterns.VARIABLE)], SecretKey] = {}
    env_from: Annotated[list[EnvFrom], Meta(max_length=64)] = []
    image_pull_secrets: Annotated[list[ObjectName], Meta(max_length=16)] = []
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    priority_class: ObjectName | None = None
    queue: ObjectLabel | None = None
    security_context: dict[str, Any] = {}
    termination_grace_period_seconds: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    bad_exit_codes: Annotated[list[Annotated[int, Meta(ge=1, le=255)]], Meta(max_length=255)] = []
    nodes: Annotated[int, Meta(ge=1, le=1000)] = 1
