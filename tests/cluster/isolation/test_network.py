"""Which network paths a tenant's trial has, with NetworkPolicies that have an effect.

Each attempt that must fail goes to an address where something listens, and something else reaches
it in the same test.
"""

import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.harness.installed import IMAGE, Kubectl
from tests.cluster.conftest import INFRA
from tests.cluster.isolation.world import PORT, TRAINING, Tenant, World
from tests.contracts.launchers import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

Address = tuple[str, int]

NODE = "10.244.0.1"
KUBELET, API_SERVER = (NODE, 10250), (NODE, 6443)
LINK_LOCAL = "169.254.43.43"
"""An address of this machine in the range where clouds give away the credentials of nodes."""
METADATA = ("169.254.169.254", 80)
KNATIVE = "knative-serving"

_REACHES = """
import json, socket, sys
def reaches(host, port):
    try:
        socket.create_connection((host, port), 3).close()
    except OSError:
        return False
    return True
print(json.dumps([reaches(*each) for each in json.loads(sys.argv[1])]))
"""
_PAUSE = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); signal.pause()"


class Pods:
    """Pods to connect from."""

    def __init__(self, world: World, stranger: str, knative: str) -> None:
        self._world, self.stranger, self.knative = world, stranger, knative
        """Namespaces with a pod `probe`."""

    def trial(self, *to: Address) -> list[bool]:
        """Which addresses a trial of tenant A reaches."""
        reached: list[bool] = self._world.inside(self._world.a, _REACHES, json.dumps(to))
        return reached

    def other(self, namespace: str, *to: Address) -> list[bool]:
        command = ("python3", "-c", _REACHES, json.dumps(to))
        reached: list[bool] = json.loads(
            self._world.kubectl("-n", namespace, "exec", "probe", "--", *command)
        )
        return reached


@pytest.fixture(scope="module")
def pods(world: World) -> Iterator[Pods]:
    stranger = world.service.namespace.replace("tl-plain", "tl-other")
    with _probe(world.kubectl, stranger), _probe(world.kubectl, KNATIVE):
        yield Pods(world, stranger, KNATIVE)


@contextmanager
def _probe(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """A namespace without policies, with a pod."""
    made = not kubectl("get", "namespace", namespace, "--ignore-not-found")
    if made:
        kubectl("create", "namespace", namespace)
    try:
        until(lambda: kubectl("-n", namespace, "get", "serviceaccount", "default", fails=True))
        given = ("--image=localhost/python:3.11", "--restart=Never")
        kubectl("-n", namespace, "run", "probe", *given, "--", "python3", "-c", _PAUSE)
        kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/probe", "--timeout=120s")
        yield
    finally:
        which = ("namespace", namespace) if made else ("-n", namespace, "pod", "probe")
        kubectl("delete", *which, "--wait=false", "--ignore-not-found")


def addresses(world: World, tenant: Tenant) -> list[Address]:
    """Those of a tenant's two trials."""
    return [(each["status"]["podIP"], PORT) for each in world.pods(tenant)]


def test_a_trial_reaches_those_of_its_tenant_and_no_others(world: World, pods: Pods) -> None:
    mine, theirs = addresses(world, world.a), addresses(world, world.b)
    until(lambda: pods.trial(*mine, *theirs) == [True, True, False, False])
    assert pods.other(pods.stranger, *mine, *theirs) == [False] * 4


def test_a_service_in_front_of_it_is_no_way_to_a_trial(world: World, pods: Pods) -> None:
    """Though cluster addresses pass another chain of rules."""
    ways = [_service(world, tenant) for tenant in (world.a, world.b)]
    until(lambda: pods.trial(*ways) == [True, False])
    # The trial's own policy keeps it from the other tenant: a pod without one shows the other's.
    assert pods.other(pods.stranger, *ways) == [False, False]


def _service(world: World, tenant: Tenant) -> Address:
    """A Service in front of the tenant's trials, as soon as it leads to them."""
    here = ("-n", tenant.namespace)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front", "namespace": tenant.namespace},
        "spec": {"selector": {"tunelet.dev/experiment": TRAINING}, "ports": [{"port": PORT}]},
    }
    created(world, service)
    slices = ("get", "endpointslices", "-l", "kubernetes.io/service-name=front")
    ready = (*here, *slices, "-o", "jsonpath={..conditions.ready}")
    until(lambda: "true" in world.kubectl(*ready))
    ip = world.kubectl(*here, "get", "service", "front", "-o", "jsonpath={.spec.clusterIP}")
    return ip, PORT


def test_a_trial_reaches_the_api_but_not_the_port_of_events(world: World, pods: Pods) -> None:
    host = world.service.url.removeprefix("http://")
    api, events = (host, 80), (host, 8081)
    until(lambda: pods.trial(api, events) == [True, False])
    until(lambda: pods.other(pods.stranger, api, events) == [True, False])
    socket.create_connection(events, 10).close()


def test_only_knatives_ingress_reaches_a_functions_pod(world: World, pods: Pods) -> None:
    here = world.service.namespace
    with open(INFRA / "base" / "ingress.yaml", encoding="utf-8") as text:
        policy = yaml.safe_load(text)
    policy["metadata"]["namespace"] = here
    created(world, policy)
    created(world, _function(here, "suggest"))
    shown = ("-n", here, "get", "pod", "suggest", "-o", "jsonpath={.status.podIP}")
    address = (until(lambda: world.kubectl(*shown)), 8080)
    until(lambda: pods.other(KNATIVE, address) == [True])
    until(lambda: pods.trial(address) == [False])
    until(lambda: pods.other(pods.stranger, address) == [False])


def _function(namespace: str, name: str) -> dict[str, Any]:
    """The pod that Knative makes of a function, without its proxy."""
    with open(INFRA / "base" / "services.yaml", encoding="utf-8") as text:
        services = {each["metadata"]["name"]: each for each in yaml.safe_load_all(text)}
    spec = services[f"tunelet-{name}"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    with open(INFRA / "base" / "function.yaml", encoding="utf-8") as text:
        common = {each["path"].rpartition("/")[2]: each["value"] for each in yaml.safe_load(text)}
    parts = ("envFrom", "volumeMounts", "securityContext")
    container |= {"image": IMAGE, **{name: common[name] for name in parts}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "tunelet"},
        },
        "spec": {"containers": [container], "volumes": common["volumes"]},
    }


def test_of_the_node_a_trial_reaches_the_api_server_only(world: World, pods: Pods) -> None:
    """The collector needs it. The store here is on another port than 443."""
    endpoint = world.bucket.credentials["AWS_ENDPOINT_URL_S3"].removeprefix("http://")
    host, port = endpoint.split(":")
    store = (host, int(port))
    with link_local():
        secret = (LINK_LOCAL, 443)
        ways = (API_SERVER, KUBELET, store, secret)
        until(lambda: pods.other(pods.stranger, *ways) == [True] * 4)
        until(lambda: pods.trial(*ways) == [True, False, False, False])
        assert pods.trial(METADATA) == [False]


@contextmanager
def link_local() -> Iterator[None]:
    """A server of this machine at a link-local address."""
    address = ("ip", "address", "{}", f"{LINK_LOCAL}/32", "dev", "lo")
    subprocess.run([each.format("add") for each in address], check=True)
    try:
        with socket.create_server((LINK_LOCAL, 443)):
            yield
    finally:
        subprocess.run([each.format("delete") for each in address], check=True)


def created(world: World, thing: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "one.yaml")
        file.write_text(yaml.safe_dump(thing))
        world.kubectl("apply", "-f", str(file))
