"""A real cluster for tests: namespaces of their own, and the objects in them.

The cluster must have the image `localhost/python:3.11`.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi
from adapters.launchers.kubernetes.launcher import KubernetesLauncher, Options
from tests.contracts.launchers import IMAGE, STDOUT, until
from tunelet.core.run import Launch, Observation, Run

PYTHON = "localhost/python:3.11"
CODE: dict[str, Any] = {
    "image": PYTHON,
    "image_pull_policy": "IfNotPresent",
    # The first process of a container is not ended by SIGTERM unless it wants to be.
    "termination_grace_period_seconds": 1,
}

needs_cluster = [
    pytest.mark.cluster,
    pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster"),
]


def api() -> KubernetesApi:
    return KubernetesApi(access())


@contextmanager
def namespaces(*names: str, **labels: str) -> Iterator[str]:
    """The prefix of new namespaces that end with these names."""
    prefix, server = f"tl-launcher-{secrets.token_hex(4)}-", api()
    for name in names:
        metadata = {"name": prefix + name, "labels": labels}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        server.create("/api/v1/namespaces", namespace)
    try:
        for name in names:
            account = f"/api/v1/namespaces/{prefix}{name}/serviceaccounts/default"
            until(lambda account=account: server.get(account))  # type: ignore[misc]
        yield prefix
    finally:
        for name in names:
            server.delete(f"/api/v1/namespaces/{prefix}{name}", "Background")


def launcher_in(prefix: str, **options: Any) -> KubernetesLauncher:
    return KubernetesLauncher(api(), Options(prefix=prefix, **options))


class Shells(KubernetesLauncher):
    """Knows the image of the contract's suite."""

    def launch(self, launch: Launch) -> None:
        known = launch.code.get("image") == IMAGE
        super().launch(msgspec.structs.replace(launch, code=CODE) if known else launch)


def training(run: Run, text: str, code: Mapping[str, Any] | None = None, **fields: Any) -> Launch:
    """A launch with a Python program as training."""
    given: dict[str, Any] = {
        "code": {**CODE, **(code or {})},
        "command": ("python3", "-c", text),
        "args": (),
        "env": {"TUNELET_TRIAL_TOKEN": f"token of {run.name}"},
        "metrics": STDOUT,
    }
    return Launch(run=run, **(given | fields))


def waits(launcher: KubernetesLauncher, run: Run) -> str:
    """Wait until the run waits; returns the reason."""

    def look() -> str | None:
        seen: Observation = launcher.observe(run)
        assert seen.outcome is None, seen
        return seen.waiting

    return until(look)
