"""In a real cluster no account of a tenant has a right on another tenant, or on Tunelet itself.

The rights are all that a manifest of ours names, so that a new one is covered.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from benchmarks.harness.installed import Kubectl
from tests.cluster.conftest import INFRA, overlay
from tests.cluster.isolation.world import Tenant, World
from tests.contracts.launchers import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

Right = tuple[str, str, str]
"""A verb, an API group and a resource, perhaps with a subresource."""


@pytest.fixture(scope="module")
def rights(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> set[Right]:
    """Every right in a role of ours, or in one that a binding of ours names."""
    kinds = [f"kinds/{each.name}" for each in sorted((INFRA / "kinds").iterdir())]
    found = set[Right]()
    for name in ("knative", "plain"):
        folder = tmp_path_factory.mktemp(name)
        above = [*(["source"] if name == "knative" else []), *kinds, "identity"]
        components = [os.path.relpath(INFRA / each, folder) for each in above]
        overlay(folder, [f"overlays/{name}"], components=components)
        objects = list(yaml.safe_load_all(kubectl("kustomize", str(folder))))
        found |= set(_named(kubectl, objects))
    return found


def _named(kubectl: Kubectl, objects: list[dict[str, Any]]) -> Iterator[Right]:
    roles = {each["metadata"]["name"]: each for each in objects if each["kind"].endswith("Role")}
    for each in objects:
        if each["kind"].endswith("RoleBinding") and each["roleRef"]["name"] not in roles:
            name = each["roleRef"]["name"]
            roles[name] = json.loads(kubectl("get", "clusterrole", name, "-o", "json"))
    for role in roles.values():
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    yield from ((verb, group, resource) for verb in rule["verbs"])


def accounts(tenant: Tenant) -> Iterator[str]:
    """The account of trials, and the one of the tenant's admin."""
    return (f"system:serviceaccount:{tenant.namespace}:{name}" for name in ("default", "ann"))


def allowed(account: str, right: Right, namespace: str | None) -> bool:
    """Whether the cluster would allow it; in all namespaces if `namespace` is None."""
    from kubernetes import client

    verb, group, resource = right
    kind, _, part = resource.partition("/")
    of = account.split(":")[2]
    asked = {
        "user": account,
        "groups": [
            "system:serviceaccounts",
            f"system:serviceaccounts:{of}",
            "system:authenticated",
        ],
        "resourceAttributes": {
            **{"verb": verb, "group": group, "resource": kind, "subresource": part},
            "namespace": namespace or "",
        },
    }
    access = client.AuthorizationV1Api()
    return bool(access.create_subject_access_review({"spec": asked}).status.allowed)


def test_the_manifests_name_the_rights_that_are_tried(rights: set[Right]) -> None:
    assert {("create", "", "secrets"), ("get", "", "pods/log")} <= rights
    assert ("create", "authentication.k8s.io", "tokenreviews") in rights
    assert ("delete", "tunelet.dev", "experiments") in rights
    assert ("patch", "batch", "cronjobs") in rights
    assert any(group == "kubeflow.org" for _, group, _ in rights)


@pytest.mark.usefixtures("core")
def test_an_account_of_a_tenant_has_no_right_elsewhere(world: World, rights: set[Right]) -> None:
    elsewhere = (world.b.namespace, world.service.namespace, "kube-system", None)
    for account in accounts(world.a):
        for right in sorted(rights):
            for namespace in elsewhere:
                assert not allowed(account, right, namespace), (account, right, namespace)


@pytest.mark.usefixtures("core")
def test_at_home_trials_may_read_output_and_people_may_use_tunelet(
    world: World, rights: set[Right]
) -> None:
    trials, person = accounts(world.a)
    here = world.a.namespace
    assert {each for each in rights if allowed(trials, each, here)} == {("get", "", "pods/log")}
    assert {each for each in rights if allowed(person, each, here)} == {
        each for each in rights if each[1] == "tunelet.dev"
    }


def test_nothing_at_all_is_allowed_beyond_what_every_account_may(world: World) -> None:
    """Any right counts here, also one that no manifest names."""

    def listed(account: str, namespace: str) -> set[str]:
        given = ("auth", "can-i", "--list", f"--as={account}", "-n", namespace)
        return set(world.kubectl(*given).splitlines())

    nobody = "system:serviceaccount:default:default"
    for namespace in (world.b.namespace, world.service.namespace, "kube-system"):
        for account in accounts(world.a):
            assert listed(account, namespace) == listed(nobody, namespace)


@pytest.mark.usefixtures("core")
def test_only_the_clusters_own_roles_let_people_change_what_separates_them(world: World) -> None:
    """So docs/identity.md binds Tunelet's roles."""
    account = f"system:serviceaccount:{world.a.namespace}:ann"
    policies: Right = ("delete", "networking.k8s.io", "networkpolicies")
    assert not allowed(account, policies, world.a.namespace)
    given = ("--clusterrole=edit", f"--serviceaccount={world.a.namespace}:ann")
    here = ("-n", world.a.namespace)
    world.kubectl(*here, "create", "rolebinding", "wide", *given)
    try:
        until(lambda: allowed(account, policies, world.a.namespace))
    finally:
        world.kubectl(*here, "delete", "rolebinding", "wide")
