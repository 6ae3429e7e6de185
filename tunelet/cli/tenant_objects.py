"""The Kubernetes objects of a tenant, made from the manifests in infra/knative."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any, NamedTuple

import yaml

from tunelet.bundle import resource

Object = dict[str, Any]

TEMPLATE = "tunelet-trials-default"
"""The namespace in the manifests."""

_TRIALS = ("namespace.yaml", "rights.yaml", "network.yaml")
_TENANT = ("account.yaml", "quota.yaml", "limits.yaml", "egress.yaml")
_COLLECT = "tunelet-collect"
_ANYWHERE = "ipBlock"
_NAMES = 53


class Tenant(NamedTuple):
    """What distinguishes one tenant from another."""

    name: str
    prefix: str = "tunelet-trials-"
    installation: str = "tunelet"
    service: str = "tunelet"
    """The namespace of Tunelet's functions."""
    overlay: str = "knative"
    """Which accounts launch trials: `knative` has one for each function, `plain` one for all."""
    hard: Mapping[str, str] = {}
    """Quantities of the ResourceQuota that differ from the manifest's, by resource."""
    queue: str | None = None
    """Kueue's ClusterQueue."""
    egress: tuple[tuple[str, int], ...] = ()
    """Networks and ports of the store and the API server; none: as in the manifest."""
    dns: tuple[str, ...] = ()
    """Networks that answer for names, besides the pods of kube-system."""

    @property
    def namespace(self) -> str:
        return self.prefix + self.name


def objects(tenant: Tenant) -> list[Object]:
    """Return the tenant's objects in the order in which they can be created."""
    files = [f"trials/{name}" for name in _TRIALS]
    files += [f"tenants/template/{name}" for name in _TENANT]
    files += ["tenants/queue/queue.yaml"] if tenant.queue else []
    return [_adapted(tenant, each) for file in files for each in _read(file)]


def network(text: str) -> tuple[str, int]:
    """Parse CIDR:PORT. Raises `ValueError`."""
    cidr, _, port = text.rpartition(":")
    number = int(port)
    if not 0 < number < 65536:
        raise ValueError(f"{port} is not a port")
    return str(ip_network(cidr)), number


def _read(file: str) -> Iterator[Object]:
    with resource(f"infra/knative/{file}").open(encoding="utf-8") as text:
        yield from yaml.safe_load_all(text)


def _adapted(tenant: Tenant, given: Object) -> Object:
    found: Object = _renamed(given, {TEMPLATE: tenant.namespace})
    match found["kind"]:
        case "Namespace":
            found["metadata"]["labels"]["tunelet.dev/trials-of"] = tenant.installation
        case "RoleBinding" if found["metadata"]["name"] != _COLLECT:
            found["subjects"] = _subjects(tenant, found["subjects"])
        case "ResourceQuota":
            found["spec"]["hard"] |= tenant.hard
        case "LocalQueue":
            found["spec"]["clusterQueue"] = tenant.queue
        case "NetworkPolicy":
            _narrow(tenant, found["spec"])
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _subjects(tenant: Tenant, given: list[Object]) -> list[Object]:
    if tenant.overlay == "plain":
        return [{"kind": "ServiceAccount", "name": "tunelet", "namespace": tenant.service}]
    return [{**each, "namespace": tenant.service} for each in given]


def _narrow(tenant: Tenant, spec: Object) -> None:
    """Set the service's namespace, and the networks if the tenant names any."""
    for rule in spec.get("egress", ()):
        for peer in rule["to"]:
            for term in peer.get("namespaceSelector", {}).get("matchExpressions", ()):
                term["values"] = [tenant.service if v == "tunelet" else v for v in term["values"]]
        if any(port["port"] == _NAMES for port in rule.get("ports", ())):
            rule["to"] += [{_ANYWHERE: {"cidr": cidr}} for cidr in tenant.dns]
    if tenant.egress and "egress" in spec:
        kept = [rule for rule in spec["egress"] if _ANYWHERE not in rule["to"][0]]
        spec["egress"] = [*kept, *(_to(cidr, port) for cidr, port in tenant.egress)]


def _to(cidr: str, port: int) -> Object:
    return {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"protocol": "TCP", "port": port}]}
