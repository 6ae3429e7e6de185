"""Two tenants in a real cluster, by `tunelet tenant create`: neither has rights on the other."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cluster.conftest import INFRA, Kubectl
from tests.unit.infra.test_tenant_rights import granted
from tunelet.cli import main

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def prefix(kubectl: Kubectl) -> Iterator[str]:
    """The prefix of the namespaces of two tenants, a and b."""
    prefix = f"tn-{uuid4().hex[:8]}-"
    config = Path(os.environ["KUBECONFIG"]).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{config}:{os.environ['PATH']}")
        kubectl("apply", "-k", str(INFRA / "cluster"))
        try:
            for name in ("a", "b"):
                given = ["--prefix", prefix, "--installation", prefix.rstrip("-")]
                assert main(["tenant", "create", name, *given, "--pods", "3", "--apply"]) == 0
            yield prefix
        finally:
            for name in ("a", "b"):
                kubectl("delete", "namespace", prefix + name, "--ignore-not-found", "--wait=false")


def may(kubectl: Kubectl, account: str, verb: str, resource: str, namespace: str) -> bool:
    kind, _, part = resource.partition("/")
    about = [verb, kind, "-n", namespace, f"--as=system:serviceaccount:{account}"]
    asked = ["auth", "can-i", *about, *([f"--subresource={part}"] if part else [])]
    return kubectl(*asked, fails=True).strip() == "yes"


def test_both_are_listed_with_their_quotas(prefix: str, capsys: Any) -> None:
    given = ["--prefix", prefix, "--installation", prefix.rstrip("-")]
    assert main(["tenant", "list", "--json", *given]) == 0
    tenants = json.loads(capsys.readouterr().out)["tenants"]
    assert sorted(each["name"] for each in tenants) == ["a", "b"]
    assert main(["tenant", "show", "a", *given]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["namespace"] == f"{prefix}a"
    assert shown["rights"]["tunelet-launch"] == ["tunelet/tunelet-launch", "tunelet/tunelet-sweep"]


def test_the_trials_of_one_have_no_right_on_the_other(kubectl: Kubectl, prefix: str) -> None:
    mine = f"{prefix}a:default"
    for verb, resource in granted():
        assert not may(kubectl, mine, verb, resource, f"{prefix}b"), (verb, resource)
    own = {right for right in granted() if may(kubectl, mine, *right, f"{prefix}a")}
    assert own == {("get", "pods/log")}


def test_the_service_has_its_rights_in_both_and_nowhere_else(kubectl: Kubectl, prefix: str) -> None:
    launch = "tunelet:tunelet-launch"
    for name in ("a", "b"):
        assert may(kubectl, launch, "create", "jobs", prefix + name)
        assert not may(kubectl, launch, "get", "secrets", prefix + name)
    assert not may(kubectl, launch, "create", "jobs", "kube-system")
