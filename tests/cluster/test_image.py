"""The service's image in a pod of the standard "restricted" with a read-only root file system."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from functions.wiring import FUNCTIONS
from tunelet import __version__

pytestmark = pytest.mark.cluster

IMAGE = f"dev.local/tunelet:{__version__}"
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def namespace(core: Any) -> Iterator[str]:
    name = f"tl-image-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    yield name
    core.delete_namespace(name)


def container(function: str, port: int) -> dict[str, Any]:
    env = {
        "FUNCTION_TARGET": function,
        "PORT": str(port),
        "TUNELET_STORE": "file:///data/store",
        "TUNELET_LAUNCHER": "process:///data/runs",
        "TUNELET_SECRET": "0123456789abcdef",
    }
    return {
        "name": function,
        "image": IMAGE,
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "securityContext": {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def test_every_function_serves_from_it(core: Any, namespace: str) -> None:
    ports = {function: 8080 + place for place, function in enumerate(FUNCTIONS)}
    core.create_namespaced_pod(
        namespace,
        {
            "metadata": {"name": "functions"},
            "spec": {
                "automountServiceAccountToken": False,
                "containers": [container(*each) for each in ports.items()],
                "volumes": [{"name": "data", "emptyDir": {}}],
            },
        },
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (pod := core.read_namespaced_pod_status("functions", namespace)).status.pod_ip is None:
        assert time.monotonic() < deadline, pod
        time.sleep(0.5)
    answers = {}
    for function, port in ports.items():
        url = f"http://{pod.status.pod_ip}:{port}/"
        path = "api/experiments" if function == "api" else ""
        retries = urllib3.Retry(total=30, backoff_factor=0.3)
        answers[function] = urllib3.request("GET", url + path, retries=retries).status
    assert answers["api"] == 200
    # The others want an event; a bug would be 500.
    assert all(status < 500 for status in answers.values()), answers
    # The server writes nothing but what it may, and has nothing to complain of.
    for function in ports:
        log = core.read_namespaced_pod_log("functions", namespace, container=function)
        assert "[ERROR]" not in log
