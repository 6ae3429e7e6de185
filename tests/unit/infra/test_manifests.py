"""Every manifest is one that the real APIs would take: theirs are the schemas, and strict.

Needs node and npm for Kubernetes' and Knative's schemas, and kubectl or kustomize to render.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from adapters.events.triggers import load_delivery
from adapters.launchers.kubernetes.labels import labels
from adapters.schedules.cronjob import open_url
from functions.wiring import FUNCTIONS
from tests.unit.infra.conftest import Check, Resource
from tunelet import __version__
from tunelet.cli.tenant_store import CREDENTIALS, NAME
from tunelet.core.run import Run
from tunelet.request.kinds import KINDS

ROOT = Path(__file__).resolve().parents[3]
INFRA = ROOT / "infra" / "knative"
pytestmark = pytest.mark.xdist_group("manifests")

_UNCHECKED = ("dev", "queue")
"""Folders with parts of resources, or with Kueue's, of which there is no schema."""

RENDERED = ("base", "overlays/knative", "overlays/plain", "overlays/dev")
SERVING = "serving.knative.dev/v1"
AUTOSCALING = "autoscaling.knative.dev"


@cache
def rendered(name: str) -> list[Resource]:
    """The objects that `kubectl apply -k` would send."""
    if kustomize := shutil.which("kustomize"):
        command = [kustomize, "build"]
    elif kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize"]
    else:
        pytest.skip("needs kubectl or kustomize to render the overlays")
    ran = subprocess.run([*command, str(INFRA / name)], capture_output=True, text=True, check=True)
    return [each for each in yaml.safe_load_all(ran.stdout) if each]


def written() -> Iterator[Resource]:
    """The resources in the files, as far as they are whole: no patches."""
    for path in sorted(INFRA.rglob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text()):
            whole = isinstance(each, dict) and "apiVersion" in each
            if whole and path.name != "kustomization.yaml" and path.parent.name not in _UNCHECKED:
                yield each


def of_kind(name: str, kind: str, group: str = "") -> list[Resource]:
    return [
        each
        for each in rendered(name)
        if each["kind"] == kind and each["apiVersion"].startswith(group)
    ]


def first(kind: str, group: str = "") -> Resource:
    """The first resource of a kind, as it is written or rendered."""
    found = [r for r in written() if r["kind"] == kind and r["apiVersion"].startswith(group)]
    return found[0]


def pods(name: str) -> Iterator[dict[str, Any]]:
    """The specs of all pods that an overlay has run."""
    yield from pods_of(rendered(name))


def pods_of(resources: list[Resource]) -> Iterator[dict[str, Any]]:
    """The specs of all pods that these resources have run."""
    for each in resources:
        match each["kind"]:
            case "Deployment":
                yield each["spec"]["template"]["spec"]
            case "CronJob":
                yield each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            case "Service" if each["apiVersion"] == SERVING:
                yield each["spec"]["template"]["spec"]


def test_every_manifest_is_valid_for_its_api(check: Check) -> None:
    resources = list(written())
    assert {"Trigger", "Broker", "SinkBinding", "CronJob", "ClusterRole"} <= {
        r["kind"] for r in resources
    }
    assert check(resources) == []


@pytest.mark.parametrize("name", RENDERED)
def test_the_rendered_overlays_are_valid_for_their_apis(check: Check, name: str) -> None:
    assert check(rendered(name)) == []


@pytest.mark.parametrize("name", ["overlays/knative", "overlays/plain"])
def test_all_functions_have_the_stores_of_tenants_where_their_settings_say(name: str) -> None:
    """A pod without them would keep a tenant's experiments in the shared bucket."""
    settings = {
        each["metadata"]["name"]: each["data"]
        for each in of_kind(name, "ConfigMap")
        if "TUNELET_STORE" in each["data"]
    }
    seen = 0
    for pod in pods(name):
        (container,) = pod["containers"]
        named = [each.get("configMapRef", {}).get("name") for each in container.get("envFrom", ())]
        if not (given := [settings[each] for each in named if each in settings]):
            continue
        paths = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert paths["stores"] == given[0]["TUNELET_STORES"]
        assert paths["store-credentials"] == CREDENTIALS
        volumes = {each["name"]: each for each in pod["volumes"]}
        assert volumes["stores"]["configMap"] == {"name": NAME, "optional": True}
        assert volumes["store-credentials"]["secret"] == {"secretName": NAME, "optional": True}
        seen += 1
    assert seen == {"overlays/knative": 7, "overlays/plain": 1}[name]


MISSPELLED = [
    ("Service", SERVING, ["spec", "template", "spec", "containerConcurency"]),
    ("Service", SERVING, ["spec", "template", "spec", "containers", 0, "resources", "limit"]),
    ("Trigger", "eventing", ["spec", "filter", "attribute"]),
    ("Broker", "eventing", ["spec", "delivery", "retries"]),
    ("ApiServerSource", "sources", ["spec", "serviceAccount"]),
    ("CronJob", "batch", ["spec", "crontab"]),
    ("NetworkPolicy", "networking", ["spec", "ingres"]),
    ("RoleBinding", "rbac", ["subject"]),
]


@pytest.mark.parametrize(("kind", "group", "path"), MISSPELLED, ids=str)
def test_a_field_that_no_api_knows_is_refused(
    check: Check, kind: str, group: str, path: list[str | int]
) -> None:
    resource = json.loads(json.dumps(first(kind, group)))
    inner = resource
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = {}
    [problem] = check([resource])
    assert problem.endswith(f".{path[-1]}: there is no such field")


def test_a_value_of_the_wrong_type_and_an_unknown_kind_are_invalid(check: Check) -> None:
    broker = of_kind("base", "Broker")[0]
    wrong = {**broker, "spec": {"delivery": {"retry": "often"}}}
    assert "must be" in check([wrong])[0]
    assert "has no kind" in check([{**broker, "kind": "Borker"}])[0]


def test_each_function_is_a_service_and_each_trigger_leads_to_one() -> None:
    services = of_kind("base", "Service", SERVING)
    environments = [each["spec"]["template"]["spec"]["containers"][0]["env"] for each in services]
    targets = [variable["value"] for env in environments for variable in env]
    assert {name for name in targets if not name.isdigit()} == set(FUNCTIONS)
    names = {each["metadata"]["name"] for each in services}
    assert names == {f"tunelet-{name}" for name in FUNCTIONS}
    for trigger in of_kind("base", "Trigger"):
        assert trigger["spec"]["subscriber"]["ref"]["name"] in names


def test_the_broker_in_the_process_tries_as_hard_as_knatives() -> None:
    attempts, backoff, sink = load_delivery(INFRA / "base")
    assert (attempts, backoff, sink) == (7, 0.5, "deadletter")


def test_every_function_that_publishes_has_the_brokers_address() -> None:
    services, jobs = of_kind("base", "SinkBinding")
    assert (services["spec"]["subject"]["kind"], jobs["spec"]["subject"]["kind"]) == (
        "Service",
        "Job",
    )
    wanted = services["spec"]["subject"]["selector"]["matchLabels"].items()
    [schedule] = of_kind("base", "CronJob")
    job = schedule["spec"]["jobTemplate"]["metadata"]["labels"]
    assert jobs["spec"]["subject"]["selector"]["matchLabels"].items() <= job.items()
    bound = {
        each["metadata"]["name"]
        for each in of_kind("base", "Service", SERVING)
        if wanted <= each["metadata"]["labels"].items()
    }
    assert bound == {f"tunelet-{name}" for name in FUNCTIONS if name != "deadletter"}


def test_the_source_reports_the_launchers_jobs_in_their_namespaces() -> None:
    source = first("ApiServerSource")
    [resource] = source["spec"]["resources"]
    run = Run("default", "digits", "0123456789abcdef", 0, 1)
    made = labels(run, "tunelet").items()
    assert resource["selector"]["matchLabels"].items() <= made
    trials = source["spec"]["namespaceSelector"]["matchLabels"].items()
    found = [n for n in of_kind("base", "Namespace") if trials <= n["metadata"]["labels"].items()]
    [settings] = of_kind("base", "ConfigMap")
    prefix = dict(parse_qsl(urlsplit(settings["data"]["TUNELET_LAUNCHER"]).query))["prefix"]
    assert [n["metadata"]["name"] for n in found] == [f"{prefix}default"]


KIND_FOLDERS = sorted(each.parent.name for each in INFRA.glob("kinds/*/kustomization.yaml"))


@pytest.fixture(params=KIND_FOLDERS)
def with_kinds(request: pytest.FixtureRequest) -> Iterator[list[Resource]]:
    """The base with one of the components that add kinds of trials."""
    with TemporaryDirectory(dir=ROOT / "tests" / "manifests") as folder:
        up = "../../../infra/knative"
        overlay = {
            "resources": [f"{up}/base"],
            "components": [f"{up}/source", f"{up}/kinds/{request.param}"],
        }
        Path(folder, "kustomization.yaml").write_text(json.dumps(overlay))
        yield rendered(folder)


def test_a_component_adds_rights_and_events_for_kinds_that_tunelet_knows(
    with_kinds: list[Resource], check: Check
) -> None:
    assert check(with_kinds) == []
    [source] = [each for each in with_kinds if each["kind"] == "ApiServerSource"]
    _, *added = source["spec"]["resources"]
    kinds = {(each["apiVersion"].partition("/")[0], each["kind"]) for each in added}
    assert kinds
    assert kinds <= KINDS.keys()
    run = Run("default", "digits", "0123456789abcdef", 0, 1)
    for each in added:
        assert each["selector"]["matchLabels"].items() <= labels(run, "tunelet").items()
    plurals = {(group, f"{kind.lower()}s") for group, kind in kinds}
    job = ("batch", "jobs")
    for role in (each for each in with_kinds if each["kind"] == "ClusterRole"):
        verbs = {
            (group, plural): set(rule["verbs"])
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for plural in rule["resources"]
        }
        for kind in plurals if job in verbs else ():
            # A run of another kind that cannot begin is deleted, where a Job is patched.
            assert verbs[kind] == verbs[job] - {"patch"}, role["metadata"]["name"]


@pytest.mark.parametrize("name", RENDERED)
def test_no_source_runs_a_pod_unless_it_is_asked_for(name: str) -> None:
    assert not of_kind(name, "ApiServerSource") + of_kind(name, "PingSource")


def test_only_the_api_can_be_called_from_outside() -> None:
    local = {
        each["metadata"]["name"]
        for each in of_kind("base", "Service", SERVING)
        if each["metadata"]["labels"].get("networking.knative.dev/visibility") == "cluster-local"
    }
    assert local == {f"tunelet-{name}" for name in FUNCTIONS if name != "api"}


def test_a_step_may_take_all_its_time_before_it_answers() -> None:
    for each in of_kind("base", "Service", SERVING):
        spec, name = each["spec"]["template"]["spec"], each["metadata"]["name"]
        longest = 60 if name == "tunelet-api" else spec["timeoutSeconds"]
        assert spec["responseStartTimeoutSeconds"] == longest


def test_one_call_wakes_one_pod() -> None:
    """Knative wants a pod for each `containerConcurrency` * utilization calls, begun ones too."""
    for each in of_kind("base", "Service", SERVING):
        template = each["spec"]["template"]
        annotations = template["metadata"]["annotations"]
        utilization = int(annotations.get(f"{AUTOSCALING}/target-utilization-percentage", 70))
        calls = template["spec"]["containerConcurrency"] * utilization / 100
        assert calls >= 1 or annotations[f"{AUTOSCALING}/max-scale"] == "1"


def test_a_publisher_does_not_wait_for_subscribers() -> None:
    """For brokers with an in-memory channel; others never make a publisher wait."""
    [broker] = of_kind("base", "Broker")
    assert broker["metadata"]["annotations"] == {"messaging.knative.dev/async-handler": "true"}


def test_a_probe_never_waits_for_work() -> None:
    for each in of_kind("base", "Service", SERVING):
        spec = each["spec"]["template"]["spec"]
        env = {v["name"]: v["value"] for v in spec["containers"][0]["env"]}
        assert int(env["THREADS"]) > spec["containerConcurrency"]


def test_probes_have_an_explicit_period() -> None:
    """Its admission refuses a readiness probe that has a time-out and no period."""
    for each in of_kind("base", "Service", SERVING):
        probe = each["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
        assert probe["periodSeconds"] > 0


@pytest.mark.parametrize("name", RENDERED)
def test_every_pod_meets_the_restricted_standard(name: str) -> None:
    for pod in pods(name):
        [container] = pod["containers"]
        security = pod.get("securityContext", {}) | container["securityContext"]
        assert security["runAsNonRoot"]
        assert security["readOnlyRootFilesystem"]
        assert not security["allowPrivilegeEscalation"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", RENDERED)
def test_rights_end_where_the_trials_namespace_does(name: str) -> None:
    assert not of_kind(name, "ClusterRoleBinding")
    own = {role["metadata"]["name"] for role in of_kind(name, "Role")}
    assert own <= {"tunelet-schedule"}
    accounts = {each["metadata"]["name"] for each in of_kind(name, "ServiceAccount")}
    roles = {each["metadata"]["name"] for each in of_kind(name, "ClusterRole")}
    for binding in of_kind(name, "RoleBinding"):
        if binding["roleRef"]["kind"] == "Role":
            continue
        assert binding["metadata"]["namespace"] == "tunelet-trials-default"
        assert binding["roleRef"]["name"] in roles
        # The trials' own is there in every namespace.
        assert {subject["name"] for subject in binding["subjects"]} <= accounts | {"default"}


@pytest.mark.parametrize(
    ("name", "accounts"),
    [
        ("base", {"tunelet-api", "tunelet-sweep"}),
        ("overlays/plain", {"tunelet"}),
        ("overlays/dev", {"tunelet"}),
    ],
)
def test_only_who_needs_it_may_change_the_schedule_and_nothing_but_it(
    name: str, accounts: set[str]
) -> None:
    [settings] = of_kind(name, "ConfigMap")
    [source] = of_kind(name, "CronJob")
    named = urlsplit(settings["data"]["TUNELET_SCHEDULE"])
    assert (named.scheme, named.netloc) == ("cronjob", source["metadata"]["namespace"])
    assert named.path == f"/{source['metadata']['name']}"
    assert open_url(named.geturl())._options.armed == source["spec"]["schedule"]
    assert "suspend" not in source["spec"]
    [role] = of_kind(name, "Role")
    assert role["metadata"]["namespace"] == named.netloc
    assert role["rules"] == [
        {
            "apiGroups": ["batch"],
            "resources": ["cronjobs"],
            "resourceNames": [source["metadata"]["name"]],
            "verbs": ["get", "patch"],
        }
    ]
    [binding] = [b for b in of_kind(name, "RoleBinding") if b["roleRef"]["kind"] == "Role"]
    assert {subject["name"] for subject in binding["subjects"]} == accounts


def test_no_right_is_for_anything_and_none_reads_secrets() -> None:
    for role in of_kind("base", "ClusterRole"):
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
            assert "secrets" not in rule["resources"] or rule["verbs"] == ["create"]


def test_only_those_who_need_it_may_begin_or_end_trials() -> None:
    roles = {each["metadata"]["name"]: each["rules"] for each in of_kind("base", "ClusterRole")}
    may: dict[str, set[str]] = {}
    for binding in of_kind("base", "RoleBinding"):
        if binding["roleRef"]["kind"] == "Role":
            continue
        verbs = {
            verb
            for rule in roles[binding["roleRef"]["name"]]
            if "jobs" in rule["resources"]
            for verb in rule["verbs"]
        }
        for subject in binding["subjects"] if verbs else []:
            may.setdefault(subject["name"].removeprefix("tunelet-"), set()).update(verbs)
    assert {name for name, verbs in may.items() if "create" in verbs} == {"launch", "sweep"}
    assert {name for name, verbs in may.items() if "delete" in verbs} == {
        "launch",
        "complete",
        "sweep",
    }
    assert may["api"] == {"get"}
    # The three that Knative asks whether an ApiServerSource's account may do, before it starts it.
    assert may["jobs"] == {"get", "list", "watch"}
    assert "suggest" not in may
    assert "deadletter" not in may


@pytest.mark.parametrize("name", RENDERED)
def test_every_account_that_a_pod_names_is_there(name: str) -> None:
    accounts = {each["metadata"]["name"] for each in of_kind(name, "ServiceAccount")}
    named = {pod["serviceAccountName"] for pod in pods(name) if "serviceAccountName" in pod}
    assert named
    assert named <= accounts


@pytest.mark.parametrize("name", RENDERED[1:])
def test_the_images_are_those_that_make_image_makes(name: str) -> None:
    images = {container["image"] for pod in pods(name) for container in pod["containers"]}
    assert images == {f"dev.local/tunelet:{__version__}"}
    [settings] = of_kind(name, "ConfigMap")
    launcher = urlsplit(settings["data"]["TUNELET_LAUNCHER"])
    collector = dict(parse_qsl(launcher.query))["collector_image"]
    assert collector == f"dev.local/tunelet-collector:{__version__}"


def test_new_settings_are_a_new_revision() -> None:
    for overlay in RENDERED[1:]:
        [settings] = of_kind(overlay, "ConfigMap")
        named = {
            source["configMapRef"]["name"]
            for pod in pods(overlay)
            for source in pod["containers"][0].get("envFrom", [])
            if "configMapRef" in source
        }
        assert named == {settings["metadata"]["name"]}
        assert settings["metadata"]["name"] != "tunelet"


def test_the_lock_of_the_schemas_names_no_host() -> None:
    lock = json.loads((ROOT / "tests" / "manifests" / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
