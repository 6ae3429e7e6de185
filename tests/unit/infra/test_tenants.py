"""`tunelet tenant create`, and the same objects for kustomize."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.unit.infra.conftest import Check, Resource
from tunelet.cli import cli, main

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.xdist_group("manifests")


def created(*options: str, name: str = "vision") -> list[Resource]:
    found = CliRunner().invoke(cli, ["tenant", "create", name, *options], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return list(yaml.safe_load_all(found.output))


def one(objects: list[Resource], kind: str, name: str | None = None) -> Resource:
    of_kind = [each for each in objects if each["kind"] == kind]
    (found,) = [each for each in of_kind if name in (None, each["metadata"]["name"])]
    return found


def key(resource: Resource) -> tuple[str, str]:
    return resource["kind"], resource["metadata"]["name"]


def test_kustomize_makes_the_same_tenant_as_the_command(tmp_path: Path) -> None:
    if (kubectl := shutil.which("kubectl")) is None:
        pytest.skip("needs kubectl")
    template = os.path.relpath(ROOT / "infra/knative/tenants/template", tmp_path.resolve())
    queue = os.path.relpath(ROOT / "infra/knative/tenants/queue", tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"namespace: tunelet-trials-vision\nresources: [{template}]\ncomponents: [{queue}]\n"
    )
    ran = subprocess.run(
        [kubectl, "kustomize", str(tmp_path)], capture_output=True, text=True, check=True
    )
    by_kustomize = sorted(yaml.safe_load_all(ran.stdout), key=key)
    assert by_kustomize == sorted(created("--queue", "tunelet"), key=key)


@pytest.mark.parametrize(
    "options",
    [(), ("--overlay", "plain"), ("--cpu", "1", "--gpu", "2", "--egress", "10.0.0.0/8:443")],
)
def test_all_its_objects_are_valid_and_in_its_own_namespace(
    check: Check, options: tuple[str, ...]
) -> None:
    objects = created(*options)
    assert check(objects) == []
    assert objects[0]["metadata"]["name"] == "tunelet-trials-vision"
    assert {each["metadata"].get("namespace") for each in objects[1:]} == {"tunelet-trials-vision"}
    assert "default" not in {each["metadata"].get("namespace") for each in objects}


def test_trials_get_no_token_and_only_the_collector_reads_output() -> None:
    objects = created()
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    of_trials = [
        each["roleRef"]["name"]
        for each in objects
        if each["kind"] == "RoleBinding"
        and {"kind": "ServiceAccount", "name": "default", "namespace": "tunelet-trials-vision"}
        in each["subjects"]
    ]
    assert of_trials == ["tunelet-collect"]
    assert not [each for each in objects if each["kind"].startswith("Cluster")]


def accounts(objects: list[Resource]) -> set[tuple[str, str]]:
    return {
        (subject["namespace"], subject["name"])
        for each in objects
        if each["kind"] == "RoleBinding" and each["metadata"]["name"] != "tunelet-collect"
        for subject in each["subjects"]
    }


def test_only_the_services_accounts_have_rights_there() -> None:
    names = {"tunelet-api", "tunelet-launch", "tunelet-complete", "tunelet-sweep", "tunelet-jobs"}
    assert accounts(created()) == {("tunelet", name) for name in names}
    plain = created("--overlay", "plain", "--service-namespace", "hpo")
    assert accounts(plain) == {("hpo", "tunelet")}


def test_the_network_is_closed_but_for_what_trials_need() -> None:
    policies = [each["spec"] for each in created() if each["kind"] == "NetworkPolicy"]
    assert all(spec["podSelector"] == {} for spec in policies)
    assert {kind for spec in policies for kind in spec["policyTypes"]} == {"Ingress", "Egress"}
    (inwards,) = [spec["ingress"] for spec in policies if "ingress" in spec]
    assert inwards == [{"from": [{"podSelector": {}}]}]
    (outwards,) = [spec["egress"] for spec in policies if "egress" in spec]
    peers = [peer for rule in outwards for peer in rule["to"]]
    assert all(peer for peer in peers)
    blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    assert all(any("169.254" in e or "fe80" in e for e in block["except"]) for block in blocks)
    spaces = [peer["namespaceSelector"] for peer in peers if "namespaceSelector" in peer]
    assert not any("tunelet-trials" in str(space) for space in spaces)


def test_networks_replace_the_wide_hole() -> None:
    objects = created("--egress", "10.0.0.0/8:443", "--egress", "fd00::/8:8443")
    rules = one(objects, "NetworkPolicy", "tunelet-egress")["spec"]["egress"]
    blocks = [
        (rule["to"][0]["ipBlock"], rule["ports"]) for rule in rules if "ipBlock" in rule["to"][0]
    ]
    assert blocks == [
        ({"cidr": "10.0.0.0/8"}, [{"protocol": "TCP", "port": 443}]),
        ({"cidr": "fd00::/8"}, [{"protocol": "TCP", "port": 8443}]),
    ]


def test_names_are_also_resolved_where_the_tenant_says() -> None:
    given = ("--dns", "169.254.20.10/32", "--egress", "10.0.0.0/8:53")
    rules = one(created(*given), "NetworkPolicy", "tunelet-egress")["spec"]["egress"]
    (names,) = [rule for rule in rules if {"protocol": "UDP", "port": 53} in rule.get("ports", ())]
    assert names["to"][0]["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "kube-system"
    }
    assert names["to"][1:] == [{"ipBlock": {"cidr": "169.254.20.10/32"}}]


def test_quantities_and_the_queue_are_the_tenants() -> None:
    given = ("--cpu", "64", "--memory", "256Gi", "--gpu", "8", "--pods", "20")
    objects = created(*given, "--queue", "q")
    assert one(objects, "ResourceQuota")["spec"]["hard"] == {
        "pods": "20",
        "requests.cpu": "64",
        "requests.memory": "256Gi",
        "requests.nvidia.com/gpu": "8",
    }
    queue = one(objects, "LocalQueue")
    assert queue["apiVersion"].startswith("kueue.x-k8s.io/")
    assert queue["spec"] == {"clusterQueue": "q"}
    # A pod that requests nothing would be refused by a quota.
    (limit,) = one(objects, "LimitRange")["spec"]["limits"]
    assert set(limit["defaultRequest"]) == {"cpu", "memory"}


@pytest.mark.parametrize(
    "wrong",
    [
        ["Vision"],
        ["a" * 41],
        ["vision\n"],
        ["v", "--cpu", "many"],
        ["v", "--gpu", "-1"],
        ["v", "--egress", "10.0.0.0/8"],
        ["v", "--egress", "10.0.0.1/8:443"],
        ["v", "--egress", "10.0.0.0/8:70000"],
        ["v", "--dns", "169.254.20.10:53"],
        ["v", "--queue", "Q"],
        ["v", "--prefix", "x" * 30],
        ["v", "--installation", "a b"],
    ],
)
def test_wrong_input_is_refused_in_one_line(wrong: list[str], capsys: Any) -> None:
    assert main(["tenant", "create", *wrong]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")


def test_the_longest_name_fits_into_a_namespace() -> None:
    (namespace, *_) = created("--prefix", "x" * 22, name="a" * 40)
    assert len(namespace["metadata"]["name"]) <= 63


def test_without_kubectl_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["tenant", "create", "v", "--apply"]) == 2
    assert "kubectl" in capsys.readouterr().err
