"""From Terraform's outputs to a kustomize overlay. Pure: files as text, by their names.

Each output of infra/terraform that the overlay needs is used here; a missing one is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

Resource = dict[str, Any]

CLOUDS = ("aws", "gcp", "azure")
DEFAULT_TRIALS = "tunelet-trials-default"
"""The namespace of trials that is a part of every overlay."""
NAMESPACE = "tunelet"
"""The namespace of the functions in every overlay."""
AUTOSCALER = "kube-system/cluster-autoscaler"
KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


class Invalid(Exception):
    """The outputs or the arguments are invalid; the text says which, and the remedy."""


class Outputs(NamedTuple):
    """The values of Terraform's outputs, as `terraform output -json` prints them."""

    overlay: str
    store_url: str
    stores: Mapping[str, Mapping[str, str]]
    """What TUNELET_STORES has for each tenant with a bucket of its own."""
    environment: Mapping[str, str]
    launcher: str
    service_accounts: Mapping[str, Mapping[str, Mapping[str, str]]]
    """Annotations and pod labels, by Kubernetes namespace/name."""
    trials_namespaces: Mapping[str, str]
    images: Mapping[str, str]
    # Only the whole clouds have these.
    cluster: str = ""
    kubernetes_version: str = ""
    kubeconfig_command: str = ""
    training_pools: Mapping[str, Any] = {}


def read_outputs(text: str) -> Outputs:
    """Parse `terraform output -json`, of one of the clouds or of a configuration of one's own.

    The latter may have one output `tunelet`, an object with all of them. Raises `Invalid`.
    """
    try:
        given = json.loads(text)
        values = {name: output["value"] for name, output in given.items()}
        values = dict(values.get("tunelet", values))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Invalid("the outputs are not those of `terraform output -json`") from error
    needed = [name for name in Outputs._fields if name not in Outputs._field_defaults]
    if AUTOSCALER in values.get("service_accounts", {}):
        needed += ["cluster", "kubernetes_version"]
    if missing := [name for name in needed if name not in values]:
        raise Invalid(
            f"output {missing[0]} is missing; run `terraform apply` first, or add it to your own"
            " configuration as infra/terraform/README.md shows"
        )
    outputs = Outputs(**{name: values[name] for name in Outputs._fields if name in values})
    if others := [name for name in _functions(outputs) if not name.startswith(f"{NAMESPACE}/")]:
        raise Invalid(
            f"output service_accounts has {others[0]}, but the overlays have the functions in the"
            f" namespace {NAMESPACE}; leave the input kubernetes_namespace out"
        )
    return outputs


class Ways(NamedTuple):
    """Relative paths from the overlay's folder to other folders."""

    knative: str
    platform: str
    component: str = ""
    """A kustomize component with further settings; empty: none."""


def overlay(outputs: Outputs, tag: str, ways: Ways) -> dict[str, str]:
    """Return the files of the overlay by their names. `tag` is that of both images."""
    tenants = {
        f"trials/{tenant}/kustomization.yaml": _tenant(namespace, ways, outputs)
        for tenant, namespace in outputs.trials_namespaces.items()
        if namespace != DEFAULT_TRIALS
    }
    return {name: json.dumps(each, indent=2) for name, each in tenants.items()} | {
        "stores.yaml": json.dumps(_stores(outputs), indent=2),
        "accounts.yaml": "\n---\n".join(json.dumps(each) for each in _trial_accounts(outputs)),
        "kustomization.yaml": json.dumps(_root(outputs, tag, ways, tenants), indent=2),
    }


def _root(outputs: Outputs, tag: str, ways: Ways, tenants: Mapping[str, Any]) -> Resource:
    autoscaler = [f"{ways.platform}/aws"] if AUTOSCALER in outputs.service_accounts else []
    return {
        **KUSTOMIZATION,
        "resources": [
            f"{ways.knative}/overlays/{outputs.overlay}",
            *(name.rpartition("/")[0] for name in tenants),
            "accounts.yaml",
            "stores.yaml",
            *autoscaler,
        ],
        "components": [ways.component] if ways.component else [],
        "images": [
            {"name": "dev.local/tunelet", "newName": outputs.images["tunelet"], "newTag": tag},
            *([_autoscaler_image(outputs)] if autoscaler else []),
        ],
        "configMapGenerator": [_settings(outputs, tag)],
        "patches": [
            *(patch for account in _functions(outputs) for patch in _account(account, outputs)),
            *(_started_with(outputs, account) for account in _functions(outputs)),
            *(_autoscaler(outputs) if autoscaler else []),
        ],
    }


def _settings(outputs: Outputs, tag: str) -> Resource:
    collector = f"{outputs.images['tunelet-collector']}:{tag}"
    settings = {
        "TUNELET_STORE": outputs.store_url,
        "TUNELET_LAUNCHER": f"{outputs.launcher}&collector_image={collector}",
        **outputs.environment,
    }
    literals = [f"{name}={value}" for name, value in settings.items()]
    return {"name": "tunelet", "namespace": NAMESPACE, "behavior": "merge", "literals": literals}


def _stores(outputs: Outputs) -> Resource:
    """The ConfigMap of tenants' stores, in which `tunelet tenant create` has further keys.

    So its name has no hash, and it is there even if it is empty: kubectl removes only keys that an
    earlier deploy applied.
    """
    data = {f"{tenant}.json": json.dumps(store) for tenant, store in outputs.stores.items()}
    metadata = {"name": "tunelet-stores", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _started_with(outputs: Outputs, account: str) -> Resource:
    """A patch by which other stores replace the pods: functions read them when they start."""
    namespace, _, name = account.partition("/")
    digest = hashlib.sha256(json.dumps(outputs.stores, sort_keys=True).encode()).hexdigest()[:16]
    template = {"metadata": {"annotations": {"tunelet.dev/terraform-stores": digest}}}
    target = {**_workload(outputs), "name": name, "namespace": namespace}
    return _patch(target, {"spec": {"template": template}})


def _workload(outputs: Outputs) -> dict[str, str]:
    """The kind of a function. It has the name of its account."""
    if outputs.overlay == "knative":
        return {"group": "serving.knative.dev", "kind": "Service"}
    return {"kind": "Deployment"}


def _functions(outputs: Outputs) -> list[str]:
    spaces = {*outputs.trials_namespaces.values(), AUTOSCALER.partition("/")[0]}
    return [each for each in outputs.service_accounts if each.partition("/")[0] not in spaces]


def _account(account: str, outputs: Outputs) -> list[Resource]:
    """Patches for the account of a function, and for the pods that run as it."""
    namespace, _, name = account.partition("/")
    given = outputs.service_accounts[account]
    found = []
    if given["annotations"]:
        target = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        found.append(_patch(target, {"metadata": {"annotations": given["annotations"]}}))
    if given["pod_labels"]:
        target = {**_workload(outputs), "name": name, "namespace": namespace}
        labels = {"metadata": {"labels": given["pod_labels"]}}
        found.append(_patch(target, {"spec": {"template": labels}}))
    return found


def _patch(target: Mapping[str, str], change: Resource) -> Resource:
    known = {"name": target["name"], "namespace": target["namespace"]}
    version = {"ServiceAccount": "v1", "Deployment": "apps/v1"}
    whole = {
        "apiVersion": version.get(target["kind"], "serving.knative.dev/v1"),
        "kind": target["kind"],
        **change,
        "metadata": {**known, **change.get("metadata", {})},
    }
    return {"target": dict(target), "patch": json.dumps(whole)}


def _tenant(namespace: str, ways: Ways, outputs: Outputs) -> Resource:
    knative = f"../../{ways.knative}"
    # The plain overlay has one account in place of the functions' own.
    plain = [f"{knative}/tenants/plain"] if outputs.overlay == "plain" else []
    return {
        **KUSTOMIZATION,
        "namespace": namespace,
        "resources": [f"{knative}/trials"],
        "components": plain,
    }


def _trial_accounts(outputs: Outputs) -> list[Resource]:
    """The account of each namespace of trials, which Kubernetes makes without annotations."""
    spaces = set(outputs.trials_namespaces.values())
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": space, "annotations": given["annotations"]},
        }
        for account, given in outputs.service_accounts.items()
        for space, _, name in [account.partition("/")]
        if space in spaces
    ]


def _autoscaler_image(outputs: Outputs) -> Resource:
    # Its minor version is that of Kubernetes.
    return {"name": "cluster-autoscaler", "newTag": f"v{outputs.kubernetes_version}.0"}


def _autoscaler(outputs: Outputs) -> list[Resource]:
    namespace, _, name = AUTOSCALER.partition("/")
    found = "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/"
    container = "/spec/template/spec/containers/0"
    change = [
        {
            "op": "add",
            "path": f"{container}/args/-",
            "value": f"--node-group-auto-discovery={found}{outputs.cluster}",
        },
        {
            "op": "add",
            "path": f"{container}/env",
            "value": [{"name": key, "value": value} for key, value in outputs.environment.items()],
        },
    ]
    deployment = {"kind": "Deployment", "name": name, "namespace": namespace}
    return [*_account(AUTOSCALER, outputs), {"target": deployment, "patch": json.dumps(change)}]
