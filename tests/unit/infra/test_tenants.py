"""`tunelet tenant create`, and the same objects for kustomize."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from functions.quotas import quotas
from functions.stores import TenantStore, tenant_stores
from tests.unit.infra.conftest import Check, Resource
from tests.unit.infra.test_manifests import pods_of, rendered
from tunelet.cli import cli, main

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.xdist_group("manifests")


def created(*options: str, name: str = "vision") -> list[Resource]:
    found = CliRunner().invoke(cli, ["tenant", "create", name, *options], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return list(yaml.safe_load_all(found.output))


@pytest.mark.parametrize(("options", "pods"), [((), 50), (("--pods", "7"), 7)])
def test_the_command_names_the_quota_that_keeps_jobs_without_pods_away(
    options: tuple[str, ...], pods: int
) -> None:
    written = CliRunner().invoke(cli, ["tenant", "create", "vision", *options]).output
    advice = next(line for line in written.splitlines() if "TUNELET_QUOTAS" in line)
    found = quotas(advice[advice.index("{") :], "TUNELET_QUOTAS")
    assert advice.startswith("# ")
    assert found.of("vision").live_trials == pods
    assert found.of("other").live_trials is None


def test_a_tenant_with_a_queue_needs_no_such_quota() -> None:
    written = CliRunner().invoke(cli, ["tenant", "create", "vision", "--queue", "q"]).output
    assert "TUNELET_QUOTAS" not in written


def one(objects: list[Resource], kind: str, name: str | None = None) -> Resource:
    of_kind = [each for each in objects if each["kind"] == kind]
    (found,) = [each for each in of_kind if name in (None, each["metadata"]["name"])]
    return found


def key(resource: Resource) -> tuple[str, str]:
    return resource["kind"], resource["metadata"]["name"]


@pytest.mark.parametrize("overlay", ["knative", "plain"])
def test_kustomize_makes_the_same_tenant_as_the_command(tmp_path: Path, overlay: str) -> None:
    if (kubectl := shutil.which("kubectl")) is None:
        pytest.skip("needs kubectl")
    template = os.path.relpath(ROOT / "infra/knative/tenants/template", tmp_path.resolve())
    components = [
        os.path.relpath(ROOT / "infra/knative/tenants" / each, tmp_path.resolve())
        for each in ("queue", *(["plain"] if overlay == "plain" else []))
    ]
    (tmp_path / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"namespace: tunelet-trials-vision\nresources: [{template}]\n"
        f"components: {json.dumps(components)}\n"
    )
    ran = subprocess.run(
        [kubectl, "kustomize", str(tmp_path)], capture_output=True, text=True, check=True
    )
    by_kustomize = sorted(yaml.safe_load_all(ran.stdout), key=key)
    assert by_kustomize == sorted(created("--queue", "tunelet", "--overlay", overlay), key=key)


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


KUBECTL = """#!/bin/sh
case "$*" in
    "get deployments.apps tunelet -n hpo --ignore-not-found -o name") echo "$FOUND" ;;
    "apply "*) cat >"$RECORD" ;;
    *) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("found", "options", "overlay"),
    [
        ("deployment.apps/tunelet", (), "plain"),
        ("", (), "knative"),
        ("deployment.apps/tunelet", ("--overlay", "knative"), "knative"),
    ],
)
def test_apply_gives_the_rights_to_the_accounts_of_the_installed_overlay(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    found: str,
    options: tuple[str, ...],
    overlay: str,
) -> None:
    program, record = tmp_path / "kubectl", tmp_path / "record"
    program.write_text(KUBECTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FOUND", found)
    monkeypatch.setenv("RECORD", str(record))
    where = ("--service-namespace", "hpo")
    applied = CliRunner().invoke(cli, ["tenant", "create", "vision", *where, *options, "--apply"])
    assert applied.exit_code == 0, applied.output
    assert list(yaml.safe_load_all(record.read_text())) == created(*where, "--overlay", overlay)


def test_without_kubectl_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["tenant", "create", "v", "--apply"]) == 2
    assert "kubectl" in capsys.readouterr().err


def test_the_entry_is_printed_and_no_object_that_removes_other_tenants_stores(
    tmp_path: Path,
) -> None:
    given = ("--bucket", "s3://acme-vision/tunelet", "--credentials", "vision-keys")
    assert created(*given) == created()
    found = CliRunner().invoke(cli, ["tenant", "create", "vision", *given]).output
    text = "".join(line[2:] for line in found.splitlines(True) if line.startswith("# "))
    (generator,) = yaml.safe_load(text.partition("configMapGenerator:\n")[2].partition("secret")[0])
    assert generator["name"] == "tunelet-stores"
    ((file, _, entry),) = [each.partition("=") for each in generator["literals"]]
    (tmp_path / file).write_text(entry)
    credentials = "/etc/tunelet-store-credentials/vision"
    assert tenant_stores(str(tmp_path), "TUNELET_STORES") == {
        "vision": TenantStore("s3://acme-vision/tunelet", credentials=credentials)
    }


@cache
def generated(overlay: str) -> list[Resource]:
    """The overlay with the entries that the command prints for two tenants."""
    printed = [
        CliRunner().invoke(cli, ["tenant", "create", name, "--bucket", f"gs://acme-{name}"]).output
        for name in ("audio", "vision")
    ]
    literals = [
        line.partition("- ")[2].strip("'")
        for text in printed
        for line in text.splitlines()
        if ".json=" in line
    ]
    with TemporaryDirectory(dir=ROOT / "tests" / "manifests") as folder:
        stores = {"name": "tunelet-stores", "namespace": "tunelet"}
        kustomization = {
            "resources": [f"../../../infra/knative/overlays/{overlay}"],
            "configMapGenerator": [{**stores, "literals": literals}],
            "secretGenerator": [{**stores, "literals": ["vision.AWS_ACCESS_KEY_ID=a"]}],
        }
        Path(folder, "kustomization.yaml").write_text(json.dumps(kustomization))
        return rendered(folder)


@pytest.mark.parametrize("overlay", ["knative", "plain"])
def test_an_overlay_with_generated_stores_is_valid(check: Check, overlay: str) -> None:
    assert check(generated(overlay)) == []


@pytest.mark.parametrize("overlay", ["knative", "plain"])
def test_a_generator_of_an_overlay_reaches_all_functions(overlay: str) -> None:
    names = {
        each["kind"]: each["metadata"]["name"]
        for each in generated(overlay)
        if each["metadata"]["name"].startswith("tunelet-stores-")
    }
    assert set(names) == {"ConfigMap", "Secret"}
    mounted = [pod["volumes"] for pod in pods_of(generated(overlay)) if "volumes" in pod]
    assert len(mounted) == (7 if overlay == "knative" else 1)
    for volumes in mounted:
        by_name = {each["name"]: each for each in volumes}
        assert by_name["stores"]["configMap"]["name"] == names["ConfigMap"]
        assert by_name["store-credentials"]["secret"]["secretName"] == names["Secret"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (["--bucket", "acme-vision"], "--bucket"),
        (["--bucket", "https://acme-vision"], "--bucket"),
        (["--bucket", "s3://"], "--bucket"),
        (["--bucket", "s3://a b"], "--bucket"),
        (["--bucket", "s3://v", "--identity", "vision"], "--identity"),
        (["--bucket", "gs://v", "--identity", "arn:aws:iam::1:role/v"], "--identity"),
        (["--bucket", "az://v", "--identity", "v@acme"], "--identity"),
        (["--bucket", "s3://v", "--credentials", "A_B"], "--credentials"),
        (["--identity", "arn:aws:iam::1:role/v"], "--bucket"),
        (["--credentials", "keys"], "--bucket"),
        (
            ["--bucket", "s3://v", "--identity", "arn:aws:iam::1:role/v", "--credentials", "k"],
            "--credentials",
        ),
    ],
)
def test_a_store_that_cannot_be_is_refused(wrong: list[str], field: str, capsys: Any) -> None:
    assert main(["tenant", "create", "vision", *wrong]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert field in printed.err
