"""`tunelet tenant create --bucket --apply` in a real cluster, beside other tenants' stores."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from infra.platform.overlay import Ways, overlay, read_outputs
from tests.cluster.conftest import INFRA, ROOT, Kubectl
from tunelet.cli import main
from tunelet.cli.tenant_store import NAME

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


class Functions:
    """The plain overlay's Deployment in a namespace of its own, without pods."""

    def __init__(self, kubectl: Kubectl, prefix: str) -> None:
        self.kubectl, self.prefix, self.namespace = kubectl, prefix, f"{prefix}service"

    def create(self, tenant: str, *options: str) -> int:
        given = ["--prefix", self.prefix, "--installation", self.namespace, "--overlay", "plain"]
        given += ["--service-namespace", self.namespace, "--apply"]
        return main(["tenant", "create", tenant, *given, *options])

    def get(self, *what: str) -> Any:
        return json.loads(self.kubectl("get", "-n", self.namespace, *what, "-o", "json"))

    @property
    def stores(self) -> dict[str, Any]:
        data = self.get("configmap", NAME)["data"]
        return {name: json.loads(entry) for name, entry in data.items()}

    @property
    def template(self) -> Any:
        return self.get("deployment", "tunelet")["spec"]["template"]

    def apply(self, *objects: Any, folder: Path) -> None:
        file = folder / f"{uuid4().hex}.json"
        file.write_text("\n---\n".join(json.dumps(each) for each in objects))
        self.kubectl("apply", "-n", self.namespace, "-f", str(file))


@pytest.fixture
def functions(
    kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Functions]:
    config = Path(os.environ["KUBECONFIG"]).parent
    monkeypatch.setenv("PATH", f"{config}:{os.environ['PATH']}")
    given = Functions(kubectl, f"tb-{uuid4().hex[:8]}-")
    file = INFRA / "overlays" / "plain" / "deployment.yaml"
    objects = list(yaml.safe_load_all(file.read_text()))
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    del deployment["metadata"]["namespace"]
    deployment["spec"]["replicas"] = 0
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
    kubectl("create", "namespace", given.namespace)
    try:
        # The roles that the tenants' bindings name need not exist.
        given.apply(deployment, {**secret, "stringData": keys}, folder=tmp_path)
        yield given
    finally:
        for name in ("service", "a", "b"):
            namespace = given.prefix + name
            kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def test_each_tenant_adds_its_store_and_keeps_the_others(functions: Functions) -> None:
    role = "arn:aws:iam::123456789012:role/b"
    assert functions.create("a", "--bucket", "s3://a", "--credentials", "keys") == 0
    assert functions.create("b", "--bucket", "s3://b", "--identity", role) == 0
    first = {"url": "s3://a", "credentials": "/etc/tunelet-store-credentials/a"}
    assert functions.stores == {"a.json": first, "b.json": {"url": "s3://b", "identity": role}}
    data = functions.get("secret", NAME)["data"]
    assert {name: base64.b64decode(value).decode() for name, value in data.items()} == {
        "a.AWS_ACCESS_KEY_ID": "id",
        "a.AWS_SECRET_ACCESS_KEY": "key",
    }
    started = functions.template
    assert functions.create("a", "--bucket", "s3://a", "--credentials", "keys") == 0
    assert functions.template == started
    assert functions.create("b", "--bucket", "s3://other") == 0
    assert functions.stores == {"a.json": first, "b.json": {"url": "s3://other"}}
    assert functions.template != started


def test_functions_that_do_not_mount_the_stores_are_named_and_nothing_is_changed(
    functions: Functions, capsys: Any
) -> None:
    path = {"op": "remove", "path": "/spec/template/spec/volumes/0"}
    mount = {"op": "remove", "path": "/spec/template/spec/containers/0/volumeMounts/0"}
    where = ("patch", "deployment", "tunelet", "-n", functions.namespace, "--type=json", "-p")
    functions.kubectl(*where, json.dumps([path, mount]))
    assert functions.create("a", "--bucket", "s3://a") == 2
    assert "tunelet does not mount tunelet-stores" in capsys.readouterr().err
    found = functions.kubectl("get", "configmap", NAME, "-n", functions.namespace, fails=True)
    assert not found


def test_a_secret_that_is_absent_is_named(functions: Functions, capsys: Any) -> None:
    assert functions.create("a", "--bucket", "s3://a", "--credentials", "nothing") != 0
    assert "there is no Secret nothing in the namespace" in capsys.readouterr().err


def deployed(stores: dict[str, Any]) -> Any:
    """The ConfigMap that `make deploy` applies for these stores, in any namespace."""
    outputs = json.loads((ROOT / "tests/unit/infra/outputs/aws.json").read_text())
    outputs["stores"]["value"] = stores
    files = overlay(read_outputs(json.dumps(outputs)), "1.2.3", Ways("knative", "platform"))
    config = json.loads(files["stores.yaml"])
    del config["metadata"]["namespace"]
    return config


def test_make_deploy_and_the_command_keep_each_others_stores(
    functions: Functions, tmp_path: Path
) -> None:
    terraform, own = {"url": "s3://acme-c/experiments"}, {"url": "s3://a"}
    assert functions.create("a", "--bucket", "s3://a") == 0
    functions.apply(deployed({"c": terraform}), folder=tmp_path)
    assert functions.stores == {"a.json": own, "c.json": terraform}
    assert functions.create("b", "--bucket", "s3://b") == 0
    functions.apply(deployed({"c": terraform, "d": terraform}), folder=tmp_path)
    both = {"a.json": own, "b.json": {"url": "s3://b"}}
    assert functions.stores == {**both, "c.json": terraform, "d.json": terraform}
    functions.apply(deployed({}), folder=tmp_path)
    assert functions.stores == both
