"""The pod that trains a run from an image, within the pod security standard "restricted". Pure.

There is one exception: not every image works as a user other than root, so users set `runAsNonRoot`
themselves (`security_context`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tunelet.core.run import Launch

CONTAINER = "training"
TOKEN = "TUNELET_TRIAL_TOKEN"
PORT = 29500
JAX_PORT = 8476
_INDEX = {
    "fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}
}

Object = dict[str, Any]


def pod_spec(launch: Launch) -> Object:
    code = launch.code
    account = code.get("service_account")
    spec: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": account is not None,
        # Each Service of another trial would add seven variables to the environment.
        "enableServiceLinks": False,
        "securityContext": {
            "seccompProfile": {"type": "RuntimeDefault"},
            **code.get("security_context", {}),
        },
        "containers": [_container(launch)],
        "serviceAccountName": account,
        "nodeSelector": code.get("node_selector"),
        "tolerations": _given(code.get("tolerations")),
        "volumes": code.get("volumes"),
        "imagePullSecrets": [{"name": name} for name in code.get("image_pull_secrets", ())],
        "priorityClassName": code.get("priority_class"),
        "terminationGracePeriodSeconds": code.get("termination_grace_period_seconds"),
        # In the pod, not in the Job: the time before scheduling does not count, and the pod stays
        # with its output.
        "activeDeadlineSeconds": deadline(launch.timeout),
        "subdomain": launch.run.name if nodes(launch) > 1 else None,
    }
    return _filled(spec)


def nodes(launch: Launch) -> int:
    return int(launch.code.get("nodes", 1))


def deadline(timeout: float | None) -> int | None:
    """Return the time-out in whole seconds, at least one, as Kubernetes requires."""
    return None if timeout is None else min(max(1, math.ceil(timeout)), 2**31 - 1)


def env(launch: Launch) -> list[Object]:
    """Return the training contract's variables and the user's. The Secret has the token."""
    found = [{"name": n, "value": literal(v)} for n, v in launch.env.items() if n != TOKEN]
    return [*found, token(launch)] if TOKEN in launch.env else found


def token(launch: Launch) -> Object:
    reference = {"name": launch.run.name, "key": TOKEN}
    return {"name": TOKEN, "valueFrom": {"secretKeyRef": reference}}


def literal(value: str) -> str:
    """Escape the text: Kubernetes replaces `$$` by `$`, and `$(NAME)` by a variable's value."""
    return value.replace("$", "$$")


def _container(launch: Launch) -> Object:
    code = launch.code
    secrets = [
        {"name": name, "valueFrom": {"secretKeyRef": dict(reference)}}
        for name, reference in code.get("secrets", {}).items()
    ]
    container: Object = {
        "name": CONTAINER,
        "image": code["image"],
        "imagePullPolicy": code.get("image_pull_policy"),
        "command": [literal(word) for word in launch.command],
        "args": [literal(word) for word in launch.args],
        "env": [*secrets, *env(launch), *_ranks(launch)],
        "envFrom": _given(code.get("env_from")),
        "resources": code.get("resources"),
        "volumeMounts": _given(code.get("volume_mounts")),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "File",
    }
    return _filled(container)


def _ranks(launch: Launch) -> list[Object]:
    """The variables by which PyTorch and JAX find the other processes; each pod has one."""
    count = nodes(launch)
    if count == 1:
        return []
    first = f"{launch.run.name}-0.{launch.run.name}"
    fixed = {
        "MASTER_ADDR": first,
        "MASTER_PORT": str(PORT),
        "WORLD_SIZE": str(count),
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "JAX_COORDINATOR_ADDRESS": f"{first}:{JAX_PORT}",
        "JAX_PROCESS_COUNT": str(count),
        "JAX_NUM_PROCESSES": str(count),
    }
    return [
        *({"name": name, "valueFrom": _INDEX} for name in ("RANK", "NODE_RANK", "JAX_PROCESS_ID")),
        *({"name": name, "value": value} for name, value in fixed.items()),
    ]


def _given(written: Sequence[Mapping[str, Any]] | None) -> list[Object]:
    """Objects of the request without members that were not given."""
    return [{k: v for k, v in each.items() if v not in (None, "")} for each in written or ()]


def _filled(thing: Object) -> Object:
    """The object without empty members, so that the API's defaults apply."""
    return {name: value for name, value in thing.items() if value not in (None, [], {})}
