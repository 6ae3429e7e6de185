"""The collector beside a training container of a pod: containers, volumes, mounts. Pure.

It is a native sidecar, an init container that keeps running, so the pod ends with the training
and with its result. If the training code pushes its values, there is no collector.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from adapters.launchers.kubernetes.labels import COLLECTOR
from adapters.launchers.kubernetes.pods import CONTAINER
from adapters.launchers.kubernetes.quantity import quantity
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch
from tunelet.errors import FieldError, Reject

TOKEN_FOLDER = "/var/run/secrets/tunelet"
USER = 65532

REQUESTS = {"cpu": "10m", "memory": "30Mi"}
LIMITS = {"cpu": "500m", "memory": "64Mi"}
"""Room for outputs with very many metrics. CPU has a limit because some quotas require one."""

_METRICS, _STOP, _TOKEN = "tunelet-metrics", "tunelet-stop", "tunelet-token"
_TOKEN_SECONDS = 3600


class Sidecar(NamedTuple):
    """The additions to a pod."""

    containers: list[dict[str, Any]]
    """For `initContainers`."""
    volumes: list[dict[str, Any]]
    mounts: list[dict[str, Any]]
    """For `volumeMounts` of the training container."""


NOTHING = Sidecar([], [], [])


def sidecar(
    launch: Launch,
    image: str,
    container: str = CONTAINER,
    requests: Mapping[str, str] = MappingProxyType({}),
) -> Sidecar:
    """Return the collector of the metrics of `launch` from the container with this name.

    `requests` has the sidecar's own resource requests, if they differ from `REQUESTS`. Raises
    `Reject` for a `metrics.path` that no volume can hold.
    """
    metrics = launch.metrics
    if metrics.pushed:
        return NOTHING
    shared, stop = _shared(metrics), str(PurePosixPath(launch.env["TUNELET_STOP_FILE"]).parent)
    token = metrics.source == "stdout"
    volumes = [{"name": _STOP, "emptyDir": {"sizeLimit": "1Mi"}}]
    own = [_mount(_STOP, stop)]
    if shared is not None:
        volumes.append({"name": _METRICS, "emptyDir": {}})
        own.append(_mount(_METRICS, shared, read_only=True))
    if token:
        volumes.append({"name": _TOKEN, "projected": _credentials()})
        own.append(_mount(_TOKEN, TOKEN_FOLDER, read_only=True))
    return Sidecar(
        containers=[_container(launch, image, container, own, {**REQUESTS, **requests})],
        volumes=volumes,
        mounts=[
            _mount(_STOP, stop, read_only=True),
            *([_mount(_METRICS, shared)] if shared is not None else []),
        ],
    )


def _container(
    launch: Launch,
    image: str,
    container: str,
    mounts: list[dict[str, Any]],
    requests: dict[str, str],
) -> dict[str, Any]:
    return {
        "name": COLLECTOR,
        "image": image,
        "restartPolicy": "Always",
        "env": _env(launch, container),
        "volumeMounts": mounts,
        "resources": {"requests": requests, "limits": _limits(requests)},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _limits(requests: Mapping[str, str]) -> dict[str, str]:
    """The limits, but never below the requests, which Kubernetes would refuse."""
    return {name: max(limit, requests[name], key=_amount) for name, limit in LIMITS.items()}


def _amount(written: str) -> Fraction:
    return quantity(written, "resources")


def _env(launch: Launch, container: str) -> list[dict[str, Any]]:
    names = ("API_URL", "TRIAL_TOKEN", "NAMESPACE", "EXPERIMENT", "TRIAL", "STOP_FILE")
    given = {f"TUNELET_{name}": launch.env[f"TUNELET_{name}"] for name in names}
    given |= {
        "TUNELET_METRICS": msgspec.json.encode(launch.metrics).decode(),
        "TUNELET_CONTAINER": container,
    }
    given |= {name: launch.env[name] for name in ("TRACEPARENT",) if name in launch.env}
    # Doubled, because Kubernetes replaces $(NAME) by a variable's value.
    written = [{"name": k, "value": v.replace("$", "$$")} for k, v in given.items()]
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    return [
        *written,
        *({"name": k, "valueFrom": {"fieldRef": {"fieldPath": v}}} for k, v in fields.items()),
    ]


def _shared(metrics: MetricsSource) -> str | None:
    """The folder that the training container shares with the collector; None if there is none."""
    if metrics.path is None:
        return None
    path = PurePosixPath(metrics.path)
    folder = path if metrics.source == "tensorboard" else path.parent
    if not path.is_absolute() or ".." in path.parts or folder == PurePosixPath("/"):
        form = "/folder" if metrics.source == "tensorboard" else "/folder/file"
        message = f"must be {form}: an empty folder is mounted there"
        error = FieldError("metrics.path", metrics.path, message, f"write it as {form}")
        raise Reject(f"metrics.path {message}", [error])
    return str(folder)


def _credentials() -> dict[str, Any]:
    """The sidecar's own, renewed credentials: the training code sees none of the cluster."""
    token = {"path": "token", "expirationSeconds": _TOKEN_SECONDS}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    return {
        "sources": [{"serviceAccountToken": token}, {"configMap": authority}],
        # The collector is not in the pod's group.
        "defaultMode": 0o444,
    }


def _mount(name: str, path: str, read_only: bool = False) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": name, "mountPath": path}
    return mount | {"readOnly": True} if read_only else mount
