"""Cold starts in a cluster: from the start of a function's process or pod to the first "ready"."""

import copy
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

from adapters.launchers.kubernetes.api import KubernetesApi, Object
from benchmarks.harness import containers
from benchmarks.harness.installed import Installed

PATIENCE = 300.0
PORT = 8080


class Start(NamedTuple):
    process: float
    """Seconds from the start of the function's process."""
    pod: float
    """Seconds from the pod's creation."""


def start(api: KubernetesApi, plain: Installed, function: str) -> Start:
    """Measure a pod like those of the overlay that serves only this function."""
    template = api.get(f"/apis/apps/v1/namespaces/{plain.namespace}/deployments/tunelet")
    assert template is not None
    wanted = time.monotonic()
    with _pod(api, plain, _of(template["spec"]["template"]["spec"], function)) as uid:
        pid, ready = _until_ready(uid, wanted + PATIENCE)
        return Start(ready - containers.began(pid), ready - wanted)


def _of(spec: Object, function: str) -> Object:
    """The pod's container with the image's own command, which serves one function."""
    spec = copy.deepcopy(spec)
    container = spec["containers"][0]
    if function != "plain":
        del container["command"]
        container["env"] = [{"name": "FUNCTION_TARGET", "value": function}]
    for each in ("readinessProbe", "livenessProbe", "lifecycle"):
        del container[each]
    return spec | {"terminationGracePeriodSeconds": 1}


@contextmanager
def _pod(api: KubernetesApi, plain: Installed, spec: Object) -> Iterator[str]:
    """Yield the uid of a new pod, which is deleted after the block."""
    path = f"/api/v1/namespaces/{plain.namespace}/pods"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "start-"}, "spec": spec}
    made = api.create(path, pod)
    assert made is not None
    name, uid = made["metadata"]["name"], str(made["metadata"]["uid"])
    try:
        yield uid
    finally:
        api.delete(f"{path}/{name}", "Background")
        while api.get(f"{path}/{name}") is not None:
            time.sleep(0.2)


def _until_ready(uid: str, deadline: float) -> tuple[int, float]:
    """The function's process, and the time when it was ready.

    The process is found by its network address, because the API shows the address only later.
    """
    while time.monotonic() < deadline:
        found = containers.processes(uid)
        place = containers.address(found[0]) if found else None
        if place and _ready(place):
            ready = time.monotonic()
            # The first process of a pod only holds its network.
            return sorted(containers.processes(uid), key=containers.began)[1], ready
        time.sleep(0.005)
    sys.exit("a function's pod was not ready in time")


def _ready(address: str) -> bool:
    connection = HTTPConnection(address, PORT, timeout=30)
    try:
        connection.request("GET", "/api/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
