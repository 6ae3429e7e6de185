"""A tenant's own store: its entry for TUNELET_STORES, and how the functions get it.

The overlays mount the ConfigMap `tunelet-stores`, a key for each tenant, and the Secret of the same
name, a key for each tenant's variable. Server-side apply with a field manager for each tenant
changes its keys and no others, however often.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tunelet.errors import FieldError, NotFound, Reject

Object = dict[str, Any]
Kubectl = Callable[..., str]

NAME = "tunelet-stores"
"""The ConfigMap and the Secret."""
CREDENTIALS = "/etc/tunelet-store-credentials"
"""Where the overlays mount the Secret."""
_ANNOTATION = "tunelet.dev/stores"
_IDENTITIES = {
    "s3": (re.compile(r"arn:[^\s]+:role/[^\s]+"), "the ARN of a role"),
    "gs": (re.compile(r"[^\s@]+@[^\s@]+"), "the address of a service account"),
    "az": (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "a client ID"),
}
_WORKLOADS = {"knative": "services.serving.knative.dev", "plain": "deployments.apps"}
_PART = "app.kubernetes.io/part-of=tunelet"


class TenantStore(NamedTuple):
    """A bucket, and what opens it. With neither identity nor credentials the service's own do."""

    tenant: str
    url: str
    identity: str | None
    credentials: str | None
    """A Secret in the namespace of the functions."""
    service: str
    """The namespace of the functions."""
    overlay: str

    @property
    def manager(self) -> str:
        """The field manager of its keys. One for all tenants would remove the others'."""
        return f"tunelet-store-{self.tenant}"


def checked(store: TenantStore) -> TenantStore:
    """Return it. Raises `Reject` if the bucket or the identity is invalid."""
    parts, errors = urlsplit(store.url), []
    if parts.scheme not in _IDENTITIES or not parts.netloc or re.search(r"\s", store.url):
        remedy = "write s3://bucket, gs://bucket or az://container, and a prefix if you like"
        errors.append(FieldError("--bucket", store.url, "is not the URL of a bucket", remedy))
    elif store.identity is not None:
        pattern, what = _IDENTITIES[parts.scheme]
        if not pattern.fullmatch(store.identity):
            message, remedy = f"is not {what}", f"for {parts.scheme}:// name {what}"
            errors.append(FieldError("--identity", store.identity, message, remedy))
    if store.identity is not None and store.credentials is not None:
        remedy = "give one of the two"
        errors.append(FieldError("--credentials", store.credentials, "is one too many", remedy))
    if errors:
        raise Reject("the store of the tenant is invalid", errors)
    return store


def entry(store: TenantStore) -> str:
    """Return what TUNELET_STORES has for the tenant, as JSON."""
    found = {"url": store.url}
    if store.identity is not None:
        found["identity"] = store.identity
    if store.credentials is not None:
        found["credentials"] = f"{CREDENTIALS}/{store.tenant}"
    return json.dumps(found)


def comment(store: TenantStore) -> str:
    """Return YAML that says where the entry belongs, and that applies nothing.

    An object with this tenant's key alone would, applied as usual, remove the other tenants'.
    """
    mounted = (
        [
            "secretGenerator:",
            f"  - name: {NAME}",
            f"    namespace: {store.service}",
            "    files:  # each variable of the Secret",
            f"      - {store.tenant}.VARIABLE=path/to/VARIABLE",
        ]
        if store.credentials is not None
        else []
    )
    lines = [
        f"The store of {store.tenant} is not among these objects: all tenants share the ConfigMap",
        f"{NAME}, and these objects would replace it. --apply adds this tenant to it.",
        "With kustomize add it to your overlay:",
        "",
        "configMapGenerator:",
        f"  - name: {NAME}",
        f"    namespace: {store.service}",
        "    literals:",
        f"      - '{store.tenant}.json={entry(store)}'",
        *mounted,
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def apply(store: TenantStore, kubectl: Kubectl) -> str:
    """Add the store to the functions' own, and let them start again if anything changed.

    Returns what was done. Raises `NotFound` if the Secret is absent, and `Reject` if the functions
    do not mount the stores or if the Secret has no variables.
    """
    workloads = _workloads(store, kubectl)
    if store.credentials is not None:
        _copy(store, kubectl)
    data = {f"{store.tenant}.json": entry(store)}
    _keep(store, _object(store, "ConfigMap", data), kubectl)
    if not workloads:
        return f"{store.url} is its store once the functions are installed"
    for kind, name in workloads:
        _restart(store, kind, name, kubectl)
    for kind, name in workloads:
        ready = ["wait", f"{kind}/{name}", "--for=condition=Ready"]
        if store.overlay == "plain":
            ready = ["rollout", "status", f"{kind}/{name}"]
        kubectl("-n", store.service, *ready, "--timeout=5m")
    return f"{store.url} is its store in {', '.join(name for _, name in workloads)}"


def _workloads(store: TenantStore, kubectl: Kubectl) -> list[tuple[str, str]]:
    """Return the workloads that run functions, each of which mounts the stores."""
    kind = _WORKLOADS[store.overlay]
    where = ["get", kind, "-n", store.service, "-l", _PART, "-o", "json"]
    found = json.loads(kubectl(*where))["items"]
    names = [each["metadata"]["name"] for each in found]
    for name, each in zip(names, found, strict=True):
        volumes = each["spec"]["template"]["spec"].get("volumes", ())
        if not any(volume.get("configMap", {}).get("name") == NAME for volume in volumes):
            remedy = "apply the overlay of this version first; with kustomize's generator of this"
            remedy += " ConfigMap, add the entry there (without --apply it is printed)"
            error = FieldError("--bucket", store.url, f"{name} does not mount {NAME}", remedy)
            raise Reject(f"the functions would not find the store: {error.message}", [error])
    return [(kind, name) for name in names]


def _copy(store: TenantStore, kubectl: Kubectl) -> None:
    """Copy the Secret's variables into the one that the functions mount."""
    where = ["get", "secret", str(store.credentials), "-n", store.service]
    found = kubectl(*where, "--ignore-not-found", "-o", "json")
    if not found.strip():
        raise NotFound(
            f"--credentials: there is no Secret {store.credentials} in the namespace"
            f" {store.service}; create it with a key for each variable"
        )
    variables = json.loads(found).get("data") or {}
    if not variables:
        remedy = "give it a key for each variable (see 'tunelet docs operations/tenants')"
        error = FieldError("--credentials", store.credentials, "has no variables", remedy)
        raise Reject(f"the Secret {store.credentials} has no variables", [error])
    data = {f"{store.tenant}.{name}": value for name, value in variables.items()}
    _keep(store, _object(store, "Secret", data), kubectl)


def _keep(store: TenantStore, given: Object, kubectl: Kubectl) -> None:
    kubectl(
        *("apply", "--server-side", f"--field-manager={store.manager}", "--force-conflicts"),
        *("-f", "-"),
        given=json.dumps(given),
    )


def _object(store: TenantStore, kind: str, data: Mapping[str, str]) -> Object:
    labels = {"app.kubernetes.io/part-of": "tunelet"}
    metadata = {"name": NAME, "namespace": store.service, "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": dict(data)}


def _restart(store: TenantStore, kind: str, name: str, kubectl: Kubectl) -> None:
    """Replace the pods unless they were started with these stores. Functions read them then."""
    found = json.loads(kubectl("get", "configmap", NAME, "-n", store.service, "-o", "json"))
    stores = json.dumps(found["data"], sort_keys=True)
    digest = hashlib.sha256(stores.encode()).hexdigest()[:16]
    change = {"spec": {"template": {"metadata": {"annotations": {_ANNOTATION: digest}}}}}
    where = ["patch", kind, name, "-n", store.service]
    kubectl(*where, "--type=merge", "-p", json.dumps(change))
