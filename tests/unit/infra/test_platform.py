"""`make deploy`: from Terraform's outputs to objects that the real APIs would take."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.stores import tenant_stores
from infra.platform import overlay as platform
from tests.unit.infra.conftest import Check, Resource
from tests.unit.infra.test_terraform import declared

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "infra/platform/deploy.py"
OUTPUTS = Path(__file__).parent / "outputs"
ONE_ACCOUNT = "tunelet/tunelet"
pytestmark = pytest.mark.xdist_group("manifests")


def given(cloud: str, overlay: str = "knative") -> dict[str, Any]:
    """Outputs as Terraform prints them."""
    outputs: dict[str, Any] = json.loads((OUTPUTS / f"{cloud}.json").read_text())
    if overlay == "plain":
        accounts = outputs["service_accounts"]["value"]
        functions = [name for name in accounts if name.startswith("tunelet/")]
        accounts[ONE_ACCOUNT] = accounts[functions[0]]
        for name in functions:
            del accounts[name]
    outputs["overlay"]["value"] = overlay
    return outputs


WAYS = platform.Ways("../../../infra/knative", "../../../infra/platform")


def files(outputs: dict[str, Any], tag: str = "1.2.3") -> dict[str, str]:
    return platform.overlay(platform.read_outputs(json.dumps(outputs)), tag, WAYS)


@cache
def rendered(cloud: str, overlay: str) -> list[Resource]:
    """The objects that `make deploy` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl to render the overlays")
    # Another process of the tests may render the same at this moment, and removes its own folder.
    folder = ROOT / "dist" / "platform" / f"test-{cloud}-{overlay}-{os.getpid()}"
    try:
        for name, text in files(given(cloud, overlay)).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        command = [kubectl, "kustomize", str(folder)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return [each for each in yaml.safe_load_all(ran.stdout) if each]
    finally:
        shutil.rmtree(folder)


def named(resources: list[Resource], kind: str, space: str | None = None) -> dict[str, Resource]:
    return {
        each["metadata"]["name"]: each
        for each in resources
        if each["kind"] == kind and space in (None, each["metadata"].get("namespace"))
    }


def settings_of(resources: list[Resource]) -> Resource:
    """The ConfigMap `tunelet`, which has a hash at its end."""
    configs = named(resources, "ConfigMap")
    [settings] = [configs[name] for name in configs if name != "tunelet-stores"]
    return settings


EACH = [(cloud, overlay) for cloud in platform.CLOUDS for overlay in ("knative", "plain")]


@pytest.mark.parametrize(("cloud", "overlay"), EACH)
def test_the_platform_is_valid_for_its_apis(cloud: str, overlay: str, check: Check) -> None:
    assert check(rendered(cloud, overlay)) == []


@pytest.mark.parametrize(("cloud", "overlay"), EACH)
def test_each_account_has_its_identity(cloud: str, overlay: str) -> None:
    for account, wanted in given(cloud, overlay)["service_accounts"]["value"].items():
        space, _, name = account.partition("/")
        found = named(rendered(cloud, overlay), "ServiceAccount", space)[name]
        assert found["metadata"].get("annotations", {}) == wanted["annotations"], account


@pytest.mark.parametrize(("cloud", "overlay"), EACH)
def test_the_pods_of_functions_have_the_labels_of_their_identity(cloud: str, overlay: str) -> None:
    kind = {"knative": "Service", "plain": "Deployment"}[overlay]
    outputs = given(cloud, overlay)["service_accounts"]["value"]
    for name, workload in named(rendered(cloud, overlay), kind, "tunelet").items():
        template = workload["spec"].get("template", {})
        account = template.get("spec", {}).get("serviceAccountName")
        if account is not None:
            wanted = outputs[f"tunelet/{account}"]["pod_labels"]
            assert wanted.items() <= template["metadata"]["labels"].items(), name


@pytest.mark.parametrize(("cloud", "overlay"), EACH)
def test_each_tenant_has_a_namespace_with_the_rights_of_the_functions(
    cloud: str, overlay: str
) -> None:
    resources = rendered(cloud, overlay)
    spaces = given(cloud)["trials_namespaces"]["value"].values()
    assert set(spaces) <= named(resources, "Namespace").keys()
    wanted = rights(resources, "tunelet-trials-default")
    assert wanted["tunelet-launch"] <= {f"tunelet/{name}" for name in accounts_of(resources)}
    for space in spaces:
        found = rights(resources, space)
        assert found.pop("tunelet-collect") == {f"{space}/default"}
        assert found == {name: who for name, who in wanted.items() if name != "tunelet-collect"}


def rights(resources: list[Resource], space: str) -> dict[str, set[str]]:
    """The accounts, `namespace/name`, of each RoleBinding of a namespace."""
    return {
        name: {f"{each['namespace']}/{each['name']}" for each in binding["subjects"]}
        for name, binding in named(resources, "RoleBinding", space).items()
    }


def accounts_of(resources: list[Resource]) -> set[str]:
    return set(named(resources, "ServiceAccount", "tunelet"))


def test_the_default_tenant_may_have_another_namespace() -> None:
    """`trials_prefix` of an installation names it; the overlays only have their own."""
    outputs = given("aws")
    outputs["trials_namespaces"]["value"]["default"] = "hpo-default"
    accounts = outputs["service_accounts"]["value"]
    accounts["hpo-default/default"] = accounts.pop("tunelet-trials-default/default")
    tenant = json.loads(files(outputs)["trials/default/kustomization.yaml"])
    assert tenant["namespace"] == "hpo-default"


@pytest.mark.parametrize("cloud", platform.CLOUDS)
def test_the_settings_and_images_are_those_of_the_cloud(cloud: str) -> None:
    outputs = {name: output["value"] for name, output in given(cloud).items()}
    settings = settings_of(rendered(cloud, "knative"))
    assert settings["data"]["TUNELET_STORE"] == outputs["store_url"]
    collector = f"{outputs['images']['tunelet-collector']}:1.2.3"
    assert (
        settings["data"]["TUNELET_LAUNCHER"] == f"{outputs['launcher']}&collector_image={collector}"
    )
    assert outputs["environment"].items() <= settings["data"].items()
    for service in named(rendered(cloud, "knative"), "Service", "tunelet").values():
        for container in service["spec"].get("template", {}).get("spec", {}).get("containers", []):
            assert container["image"] == f"{outputs['images']['tunelet']}:1.2.3"


@pytest.mark.parametrize(("cloud", "overlay"), EACH)
def test_each_function_finds_the_stores_of_tenants(
    cloud: str, overlay: str, tmp_path: Path
) -> None:
    resources = rendered(cloud, overlay)
    # The name has no hash: `tunelet tenant create --bucket` adds keys of its own.
    config = named(resources, "ConfigMap", "tunelet")["tunelet-stores"]
    for name, text in config["data"].items():
        (tmp_path / name).write_text(text)
    found = tenant_stores(str(tmp_path), "TUNELET_STORES")
    wanted = given(cloud)["stores"]["value"]
    assert {tenant: {"url": store.url} for tenant, store in found.items()} == wanted
    kind = {"knative": "Service", "plain": "Deployment"}[overlay]
    for name in (account.partition("/")[2] for account in functions(cloud, overlay)):
        pod = named(resources, kind, "tunelet")[name]["spec"]["template"]["spec"]
        configs = [each.get("configMap", {}).get("name") for each in pod["volumes"]]
        assert "tunelet-stores" in configs, name


def functions(cloud: str, overlay: str) -> list[str]:
    accounts = given(cloud, overlay)["service_accounts"]["value"]
    return [account for account in accounts if account.startswith("tunelet/")]


STORES = {"vision": {"url": "s3://acme-vision/experiments"}}


@pytest.mark.parametrize("overlay", ["knative", "plain"])
def test_other_stores_replace_the_pods_of_all_functions(overlay: str) -> None:
    """They read the stores when they start."""
    before, after = (
        starts(overlay, stores) for stores in (given("aws")["stores"]["value"], STORES)
    )
    assert len(before) == {"knative": 6, "plain": 1}[overlay]
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)
    assert after == starts(overlay, STORES)


def starts(overlay: str, stores: dict[str, Any]) -> dict[str, Any]:
    """Of each workload: its pods' annotations, as the patches change them."""
    outputs = given("aws", overlay)
    outputs["stores"]["value"] = stores
    root = json.loads(files(outputs)["kustomization.yaml"])
    return {
        each["target"]["name"]: json.loads(each["patch"])["spec"]["template"]["metadata"]
        for each in root["patches"]
        if each["target"]["kind"] in ("Service", "Deployment")
        and each["target"]["namespace"] == "tunelet"
    }


def test_the_last_store_that_goes_leaves_an_empty_configmap() -> None:
    """kubectl does not remove an object that is missing in the overlay."""
    outputs = given("aws")
    outputs["stores"]["value"] = {}
    assert json.loads(files(outputs)["stores.yaml"])["data"] == {}
    assert "stores.yaml" in json.loads(files(outputs)["kustomization.yaml"])["resources"]


def test_only_aws_has_an_autoscaler_of_its_own_and_it_knows_its_cluster() -> None:
    [autoscaler] = named(rendered("aws", "plain"), "Deployment", "kube-system").values()
    [container] = autoscaler["spec"]["template"]["spec"]["containers"]
    assert container["args"][-1].endswith(",k8s.io/cluster-autoscaler/tunelet")
    assert container["env"] == [{"name": "AWS_REGION", "value": "eu-central-1"}]
    assert container["image"].endswith("/cluster-autoscaler:v1.33.0")
    for cloud in ("gcp", "azure"):
        assert named(rendered(cloud, "plain"), "Deployment", "kube-system") == {}


OTHER: dict[str, Any] = {
    "overlay": "plain",
    "store_url": "s3://other/prefix",
    "stores": {"vision": {"url": "s3://acme-vision/experiments"}},
    "environment": {"AWS_REGION": "us-east-1"},
    "launcher": "kubernetes://?prefix=other-",
    "service_accounts": {},
    "trials_namespaces": {
        name: f"tunelet-trials-{name}" for name in ("default", "team-a", "vision")
    },
    "images": {"tunelet": "other", "tunelet-collector": "other"},
    "cluster": "other",
    "kubernetes_version": "1.34",
}


@pytest.mark.parametrize("name", OTHER)
def test_each_output_changes_the_platform(name: str) -> None:
    outputs = given("aws")
    before = files(outputs)
    outputs[name]["value"] = OTHER[name]
    assert files(outputs) != before


@pytest.mark.parametrize("cloud", platform.CLOUDS)
def test_the_outputs_are_those_that_terraform_has(cloud: str) -> None:
    """The two that `OTHER` lacks are for deploy.py itself, which the tests below run."""
    assert set(given(cloud)) == set(declared("output", cloud))
    assert {*OTHER, "kubeconfig_command", "training_pools"} == set(declared("output", cloud))


def test_a_missing_output_is_refused_with_its_name() -> None:
    outputs = given("gcp")
    del outputs["store_url"]
    with pytest.raises(
        platform.Invalid, match="output store_url is missing; run `terraform apply`"
    ):
        files(outputs)
    for text in ("[]", "{", '{"tunelet": {"value": 1}}'):
        with pytest.raises(platform.Invalid, match="are not those of `terraform output -json`"):
            platform.read_outputs(text)


WHOLE = ("cluster", "kubernetes_version", "kubeconfig_command", "training_pools")


def installation() -> dict[str, Any]:
    """The outputs of a configuration for a cluster that exists."""
    outputs = given("aws", "plain")
    for name in WHOLE:
        del outputs[name]
    del outputs["service_accounts"]["value"][platform.AUTOSCALER]
    return outputs


def test_an_installation_needs_no_outputs_of_the_cluster() -> None:
    outputs = installation()
    by_name = files(outputs)
    values = {name: output["value"] for name, output in outputs.items()}
    assert files({"tunelet": {"value": values}}) == by_name
    assert files(given("aws", "plain")) != by_name


@pytest.mark.parametrize("name", ["cluster", "kubernetes_version"])
def test_the_autoscaler_needs_the_outputs_of_its_cluster(name: str) -> None:
    outputs = given("aws")
    del outputs[name]
    with pytest.raises(platform.Invalid, match=f"output {name} is missing"):
        files(outputs)


def test_functions_in_another_namespace_than_the_overlays_are_refused() -> None:
    outputs = given("aws", "plain")
    accounts = outputs["service_accounts"]["value"]
    accounts["hpo/tunelet"] = accounts.pop(ONE_ACCOUNT)
    with pytest.raises(platform.Invalid, match="service_accounts has hpo/tunelet, but"):
        files(outputs)


KUBECTL = """#!/bin/sh
echo "$@" >>"$RECORD"
case "$*" in
    *"apply -f -"*|*"create -f -"*) cat >>"$RECORD"; echo >>"$RECORD" ;;
    *"get crd"*) echo "$CRD" ;;
    *"get secret"*) echo "$SECRET" ;;
    *"apply -k"*) exit "${REFUSED:-0}" ;;
esac
"""


class Desk:
    """deploy.py as a process, with a kubectl that records its calls."""

    def __init__(self, folder: Path) -> None:
        self.record, self.outputs = folder / "record", folder / "outputs.json"
        self.overlay = folder / "overlay"
        program = folder / "bin" / "kubectl"
        program.parent.mkdir()
        program.write_text(KUBECTL)
        program.chmod(0o755)
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        self.env = os.environ | {"PATH": path, "RECORD": str(self.record), "CRD": "x", "SECRET": ""}

    def run(self, action: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(DEPLOY), action, "aws", "--outputs", str(self.outputs)]
        command += ["--folder", str(self.overlay)]
        return subprocess.run(
            [*command, *arguments], env=self.env | env, capture_output=True, text=True, check=False
        )

    @property
    def calls(self) -> str:
        return self.record.read_text() if self.record.exists() else ""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    outputs = given("aws", "plain")
    outputs["kubeconfig_command"]["value"] = 'echo access >"$KUBECONFIG"'
    desk.outputs.write_text(json.dumps(outputs))
    return desk


def test_deploy_gets_access_makes_the_key_once_and_applies(desk: Desk) -> None:
    done = desk.run("deploy")
    assert done.returncode == 0, done.stderr
    config = desk.overlay / "kubeconfig"
    assert config.read_text() == "access\n"
    calls = [call for call in desk.calls.splitlines() if call.startswith("--kubeconfig")]
    assert all(f"--kubeconfig={config} " in call for call in calls)
    words = [call.partition(" ")[2] for call in calls]
    assert words[0] == "apply -f -"
    assert words[2] == "create -f -"
    assert words[3].startswith("apply -k ")
    assert words[4].startswith("-n tunelet rollout status")
    assert (
        json.loads(done.stdout[done.stdout.index("{") :]) == given("aws")["training_pools"]["value"]
    )
    [secret] = [line for line in desk.calls.splitlines() if "TUNELET_SECRET" in line]
    assert len(json.loads(secret)["stringData"]["TUNELET_SECRET"]) == 64


def test_a_second_deploy_keeps_the_key(desk: Desk) -> None:
    assert desk.run("deploy", SECRET="secret/tunelet").returncode == 0
    assert "create" not in desk.calls


def test_a_context_of_ones_own_is_used_instead_of_terraforms(desk: Desk) -> None:
    assert desk.run("deploy", "--context", "mine", SECRET="secret/tunelet").returncode == 0
    assert all("--context=mine" in call for call in desk.calls.splitlines() if "apply" in call)
    assert not (desk.overlay / "kubeconfig").exists()


def test_an_installation_is_deployed_by_a_context_only(desk: Desk) -> None:
    desk.outputs.write_text(json.dumps(installation()))
    refused = desk.run("deploy")
    assert refused.returncode == 1
    assert "kubeconfig_command is missing; name a context of your kubeconfig" in refused.stderr
    assert desk.calls == ""
    done = desk.run("deploy", "--context", "mine", SECRET="secret/tunelet")
    assert done.returncode == 0, done.stderr
    assert "apply -k" in desk.calls
    assert "Pools" not in done.stdout


@pytest.mark.parametrize("action", ["deploy", "destroy", "render"])
def test_make_hands_each_variable_on(action: str) -> None:
    make = shutil.which("make") or pytest.skip("needs make")
    variables = ["CLOUD=gcp", "TAG=2", "WITH=mine", "OUTPUTS=outputs.json", "CONTEXT=own"]
    command = [make, "--dry-run", "--directory", str(ROOT), action, *variables]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    words = done.stdout.replace("\\\n", " ").split()
    start = words.index("infra/platform/deploy.py") + 1
    arguments = "--tag 2 --component mine --outputs outputs.json --context own"
    assert words[start : start + 10] == [action, "gcp", *arguments.split()]


def test_a_cluster_without_knative_is_refused_before_anything_is_applied(desk: Desk) -> None:
    outputs = given("aws")
    outputs["kubeconfig_command"]["value"] = "true"
    desk.outputs.write_text(json.dumps(outputs))
    done = desk.run("deploy", CRD="")
    assert done.returncode == 1
    assert "the cluster has no services.serving.knative.dev; install Knative" in done.stderr
    assert "apply" not in desk.calls


def test_a_refused_apply_is_one_line_and_an_exit_code(desk: Desk) -> None:
    done = desk.run("deploy", REFUSED="1")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("make deploy: `kubectl ")
    assert "rollout" not in desk.calls


def test_a_file_of_outputs_that_is_absent_is_one_line(desk: Desk) -> None:
    desk.outputs.unlink()
    done = desk.run("deploy")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"make deploy: OUTPUTS={desk.outputs} cannot be read")


def test_a_cloud_that_terraform_has_not_made_yet_is_named_with_the_next_commands(
    desk: Desk, tmp_path: Path
) -> None:
    terraform = tmp_path / "bin" / "terraform"
    terraform.write_text("#!/bin/sh\nexit 1\n")
    terraform.chmod(0o755)
    command = [sys.executable, str(DEPLOY), "deploy", "aws"]
    done = subprocess.run(command, env=desk.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "run `terraform init` and `terraform apply` in infra/terraform/aws first" in done.stderr


def test_deploy_without_a_cloud_names_the_clouds() -> None:
    command = [sys.executable, str(DEPLOY), "deploy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "make deploy: which cloud? Run: make deploy CLOUD=aws|gcp|azure\n"


COMPONENT = """
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator:
  - name: tunelet
    namespace: tunelet
    behavior: merge
    literals: [TUNELET_LEASE_SECONDS=600]
  - name: tunelet-stores
    namespace: tunelet
    behavior: merge
    literals: ['vision.json={"url": "s3://acme-vision"}']
"""


def test_a_component_adds_settings_of_ones_own(desk: Desk, tmp_path: Path) -> None:
    component = tmp_path / "mine"
    component.mkdir()
    refused = desk.run("render", "--component", str(component))
    assert refused.returncode == 1
    assert f"WITH={component} has no kustomization.yaml" in refused.stderr
    (component / "kustomization.yaml").write_text(COMPONENT)
    assert desk.run("render", "--component", str(component)).returncode == 0
    kubectl = shutil.which("kubectl") or pytest.skip("needs kubectl to render the overlay")
    command = [kubectl, "kustomize", str(desk.overlay)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    resources = list(yaml.safe_load_all(ran.stdout))
    settings = settings_of(resources)
    stores = named(resources, "ConfigMap", "tunelet")["tunelet-stores"]
    assert stores["data"].keys() == {"team-a.json", "vision.json"}
    assert settings["data"]["TUNELET_LEASE_SECONDS"] == "600"
    assert settings["data"]["TUNELET_STORE"] == given("aws")["store_url"]["value"]


def test_destroy_removes_what_deploy_applied(desk: Desk) -> None:
    assert desk.run("destroy").returncode == 0
    assert "delete --ignore-not-found --wait -k " in desk.calls
    assert "create" not in desk.calls
