"""The policy of pods agrees with the admission of a real cluster, pod by pod.

The pods are random combinations of members that the pod security standards have rules for. None is
made: the API server only says whether it would admit it.
"""

from random import Random
from typing import Any
from uuid import uuid4

import pytest

from tests.contracts.launchers import until
from tunelet.request.admission import problems
from tunelet.request.policy import Policy

pytestmark = pytest.mark.cluster

Object = dict[str, Any]

PODS = 400
SEED = 43
_SECCOMP = [
    {"type": "RuntimeDefault"},
    {"type": "Unconfined"},
    {"type": "Localhost", "localhostProfile": "x"},
]
_SELINUX = [{"type": "container_t"}, {"type": "spc_t"}, {"user": "u"}, {"level": "s0"}]
_CAPABILITIES = [
    {"drop": ["ALL"]},
    {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
    {"add": ["CHOWN"]},
    {"add": ["SYS_ADMIN"]},
    {"add": ["NET_RAW"]},
    {},
]
_VOLUMES: list[Object] = [
    {"emptyDir": {}},
    {"hostPath": {"path": "/"}},
    {"configMap": {"name": "x"}},
    {"secret": {"secretName": "x"}},
    {"nfs": {"server": "x", "path": "/"}},
    {"persistentVolumeClaim": {"claimName": "x"}},
    {"projected": {"sources": [{"secret": {"name": "x"}}]}},
    {"iscsi": {"targetPortal": "x", "iqn": "iqn.2026-11.x:y", "lun": 0}},
]
_SYSCTLS = ["kernel.shm_rmid_forced", "net.ipv4.tcp_syncookies", "kernel.msgmax"]
_PROBES: list[Object] = [{"httpGet": {"port": 1}}, {"tcpSocket": {"port": 1, "host": "1.2.3.4"}}]


def pods(seed: int, count: int) -> list[Object]:
    random = Random(seed)
    return [_pod(random, safe=random.random() < 0.6) for _ in range(count)]


def _pod(random: Random, safe: bool) -> Object:
    spec: Object = {"containers": [_container(random, f"c{i}", safe) for i in range(2)]}
    context: Object = {}
    if safe:
        context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    _sometimes(random, context, "runAsNonRoot", [True, False])
    _sometimes(random, context, "runAsUser", [0, 1000])
    _sometimes(random, context, "seccompProfile", _SECCOMP)
    _sometimes(random, context, "seLinuxOptions", _SELINUX)
    _sometimes(random, context, "sysctls", [[{"name": n, "value": "1"}] for n in _SYSCTLS])
    for name in ("hostPID", "hostIPC"):
        _sometimes(random, spec, name, [True, False])
    volumes = [[{"name": "v", **source}] for source in _VOLUMES]
    _sometimes(random, spec, "volumes", volumes, 0.3)
    return {**spec, "securityContext": context}


def _container(random: Random, name: str, safe: bool) -> Object:
    container: Object = {"name": name, "image": "x"}
    context: Object = {}
    if safe:
        context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    _sometimes(random, context, "privileged", [True, False], 0.03)
    _sometimes(random, context, "capabilities", _CAPABILITIES)
    _sometimes(random, context, "seccompProfile", _SECCOMP)
    _sometimes(random, context, "seLinuxOptions", _SELINUX)
    _sometimes(random, context, "runAsNonRoot", [True, False])
    _sometimes(random, context, "runAsUser", [0, 1000])
    ports = [[{"containerPort": 1}], [{"containerPort": 1, "hostPort": 1}]]
    _sometimes(random, container, "ports", ports)
    _sometimes(random, container, "livenessProbe", _PROBES)
    return {**container, "securityContext": context}


def _sometimes(
    random: Random, members: Object, name: str, values: list[Any], chance: float = 0.06
) -> None:
    if random.random() < chance:
        members[name] = random.choice(values)


@pytest.mark.parametrize("standard", ["baseline", "restricted"])
@pytest.mark.usefixtures("kubectl")
def test_the_policy_refuses_a_pod_if_and_only_if_the_cluster_does(standard: str, core: Any) -> None:
    name = f"tl-standard-{uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": standard}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    try:
        until(lambda: _has_account(core, name))
        judged = [(pod, _refusal(core, name, pod)) for pod in pods(SEED, PODS)]
    finally:
        core.delete_namespace(name)
    seen = [(pod, said) for pod, said in judged if said is not None]
    assert len(seen) > PODS * 0.8, "most pods are valid"
    assert {bool(said) for _, said in seen} == {True, False}
    for pod, said in seen:
        ours = list(problems({"manifest": _manifest(pod)}, Policy(standard=standard)))
        assert bool(ours) is bool(said), (pod, ours, said)


def _manifest(spec: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "spec": spec}


def _has_account(core: Any, namespace: str) -> bool:
    accounts = core.list_namespaced_service_account(namespace).items
    return "default" in {account.metadata.name for account in accounts}


def _refusal(core: Any, namespace: str, spec: Object) -> str | None:
    """Why the cluster does not admit the pod; None if the pod is invalid."""
    from kubernetes.client.exceptions import ApiException

    pod = {**_manifest(spec), "metadata": {"name": "x"}}
    try:
        core.create_namespaced_pod(namespace, pod, dry_run="All")
    except ApiException as refusal:
        return str(refusal.body) if "violates PodSecurity" in str(refusal.body) else None
    return ""
