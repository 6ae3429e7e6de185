"""Manifests in a real cluster: the API accepts them strictly, and any kind works."""

import secrets
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from adapters.launchers.kubernetes import manifest
from adapters.launchers.kubernetes.manifest import Place
from tests.contracts.clusters import (
    CODE,
    PYTHON,
    api,
    launcher_in,
    namespaces,
    needs_cluster,
    training,
)
from tests.contracts.launchers import STDOUT, ended, until
from tunelet.core.run import Launch, Phase, Run
from tunelet.core.spec import Spec
from tunelet.core.trial import Verdict
from tunelet.errors import Reject
from tunelet.training.placeholders import resolve

pytestmark = needs_cluster

RUN = Run("kinds", "any", "u1", 0, 1)
GROUP = f"tl-launcher-{secrets.token_hex(4)}.test"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POD: dict[str, Any] = {
    "containers": [
        {
            "name": "main",
            "image": PYTHON,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", "import sys; print(f'objective={sys.argv[1]}')"],
            "args": ["${hyperparameters.x}"],
        },
        {"name": "other", "image": PYTHON, "command": ["true"]},
    ],
    "restartPolicy": "Never",
}
EVERYTHING: dict[str, Any] = {
    **CODE,
    "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 1}},
    "node_selector": {"pool": "gpu"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "service_account": "trainer",
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "digits"}}],
    "volume_mounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
    "secrets": {"API_KEY": {"name": "keys", "key": "api"}},
    "env_from": [{"prefix": "A_", "configMapRef": {"name": "all"}}],
    "image_pull_secrets": ["registry"],
    "queue": "research",
    "security_context": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000},
    "bad_exit_codes": [3, 4],
    "nodes": 4,
}


@pytest.fixture(scope="module")
def prefix() -> Iterator[str]:
    """A launcher with a namespace in which only restricted pods may run."""
    with namespaces("kinds", **{"pod-security.kubernetes.io/enforce": "restricted"}) as prefix:
        yield prefix


@pytest.fixture(scope="module")
def open_prefix() -> Iterator[str]:
    with namespaces("kinds") as prefix:
        yield prefix


@pytest.fixture(scope="module")
def kind() -> Iterator[str]:
    """A kind of the user's own, without an operator."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": anything},
        "subresources": {"status": {}},
    }
    names = {"plural": "drills", "singular": "drill", "kind": "Drill"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"drills.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    api().create(CRDS, definition)
    until(lambda: api().get(f"/apis/{GROUP}/v1"))
    yield f"{GROUP}/v1"
    api().delete(f"{CRDS}/drills.{GROUP}", "Background")


@pytest.mark.parametrize("code", [CODE, EVERYTHING], ids=["least", "most"])
def test_the_api_accepts_every_object_strictly(prefix: str, code: dict[str, Any]) -> None:
    launch = training(RUN, "", code, timeout=60)
    place = Place(f"{prefix}kinds", "tunelet", 600)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "uid": "u"}}
    made = [
        ("/apis/batch/v1", "jobs", manifest.workload(launch, place)),
        ("/api/v1", "services", manifest.service(launch, place, owner)),
        ("/api/v1", "secrets", manifest.secret(launch, place, owner)),
        ("/api/v1", "configmaps", manifest.anchor(launch, place, "/apis/…")),
    ]
    for root, plural, thing in made:
        if thing is not None:
            path = f"{root}/namespaces/{place.namespace}/{plural}"
            assert api().create(path, thing, dryRun="All", fieldValidation="Strict")


def test_a_pod_that_asks_for_another_user_than_root_runs_where_only_restricted_pods_may(
    prefix: str,
) -> None:
    launcher = launcher_in(prefix)
    code = {"security_context": {"runAsNonRoot": True, "runAsUser": 1000}}
    launcher.launch(training(RUN, "import os; print(f'objective={os.getuid()}')", code))
    assert ended(launcher, RUN).values == {"objective": 1000.0}


def resolved(run: Run, code: dict[str, Any], **fields: Any) -> Launch:
    spec: dict[str, Any] = {
        "model_training_code": code,
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "metrics": msgspec.to_builtins(STDOUT),
        "objectives": [{"metric": "objective"}],
        "trial_timeout_seconds": None,
    }
    launch = resolve(
        Spec(spec), run, {"x": 0.25}, api_url="http://a", token="t", checkpoint_url="c"
    )
    return msgspec.structs.replace(launch, **fields)


def test_a_job_of_the_users_runs_with_its_placeholders_filled(open_prefix: str) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": POD}}}
    launcher = launcher_in(open_prefix)
    launcher.launch(resolved(RUN, {"manifest": job, "primary_container": "main"}))
    outcome = ended(launcher, RUN)
    assert (outcome.verdict, outcome.values) == (Verdict.COMPLETE, {"objective": 0.25})
    launcher.remove("kinds", "any", "u1")
    assert launcher.observe(RUN).phase is Phase.ABSENT


def drill(run: Run, kind: str) -> Launch:
    written = {"apiVersion": kind, "kind": "Drill", "spec": {"template": {"spec": POD}}}
    return resolved(
        run,
        {
            "manifest": written,
            "primary_container": "main",
            "success_condition": 'status.phase=="Done"',
            "failure_condition": 'status.conditions.#(type=="Broken")#|#(status=="True")#',
        },
    )


class Operator:
    """Does the work of the kind's operator."""

    def __init__(self, prefix: str, run: Run) -> None:
        self._pods = f"/api/v1/namespaces/{prefix}kinds/pods"
        self._path = f"/apis/{GROUP}/v1/namespaces/{prefix}kinds/drills/{run.name}"

    def start(self) -> None:
        thing = api().get(self._path)
        assert thing is not None
        template = thing["spec"]["template"]
        metadata = {"generateName": "drill-", "labels": template["metadata"]["labels"]}
        metadata["ownerReferences"] = manifest.owners(thing)
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        name = (api().create(self._pods, pod) or {})["metadata"]["name"]
        until(lambda: self._phase(name) in ("Succeeded", "Failed"))

    def say(self, **status: Any) -> None:
        api().patch(f"{self._path}/status", {"status": status})

    def _phase(self, name: str) -> str:
        found = api().get(f"{self._pods}/{name}") or {}
        return str(found.get("status", {}).get("phase"))


def test_a_kind_of_the_users_own_is_judged_by_its_conditions(open_prefix: str, kind: str) -> None:
    launcher, run = launcher_in(open_prefix), RUN._replace(number=1)
    launcher.launch(drill(run, kind))
    launcher.launch(drill(run, kind))
    operator = Operator(open_prefix, run)
    operator.start()
    assert launcher.observe(run).phase is Phase.ACTIVE
    assert run in launcher.active("kinds", "any")
    operator.say(phase="Done")
    outcome = ended(launcher, run)
    assert (outcome.verdict, outcome.values) == (Verdict.COMPLETE, {"objective": 0.25})
    assert run not in launcher.active("kinds", "any")
    assert b"".join(launcher.logs(run)) == b"objective=0.25\n"
    launcher.remove("kinds", "any", run.uid)
    until(lambda: launcher.observe(run).phase is Phase.ABSENT)


def test_the_end_of_a_kind_of_the_users_own_is_reported_at_once(
    open_prefix: str, kind: str
) -> None:
    launcher, run = launcher_in(open_prefix), RUN._replace(number=4)
    reported: list[tuple[str, str, int | None]] = []
    stop = launcher.watch(lambda *whose: reported.append(whose), lambda *_: None)
    try:
        launcher.launch(drill(run, kind))
        until(lambda: ("kinds", "any", None) in reported)  # The watch has begun.
        operator = Operator(open_prefix, run)
        operator.start()
        operator.say(phase="Running")
        assert ("kinds", "any", 4) not in reported
        operator.say(phase="Done")
        until(lambda: ("kinds", "any", 4) in reported)
    finally:
        stop()


def test_a_kind_of_the_users_own_fails_with_its_own_message(open_prefix: str, kind: str) -> None:
    launcher, run = launcher_in(open_prefix), RUN._replace(number=2)
    launcher.launch(drill(run, kind))
    broken = {"type": "Broken", "status": "True", "message": "the drill broke"}
    Operator(open_prefix, run).say(conditions=[broken])
    outcome = ended(launcher, run)
    assert outcome.verdict is Verdict.FAIL
    assert "the drill broke" in str(outcome.reason)


def test_stopping_removes_an_object_of_any_kind_with_its_dependents(
    open_prefix: str, kind: str
) -> None:
    launcher, run = launcher_in(open_prefix), RUN._replace(number=3)
    launcher.launch(drill(run, kind))
    launcher.stop(run)
    until(lambda: launcher.observe(run).phase is Phase.ABSENT)
    for plural in ("secrets", "configmaps"):
        path = f"/api/v1/namespaces/{open_prefix}kinds/{plural}/{run.name}"
        until(lambda path=path: api().get(path) is None)  # type: ignore[misc]


def test_a_kind_that_the_cluster_does_not_have_is_refused_by_name(open_prefix: str) -> None:
    written = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "spec": {}}
    with pytest.raises(Reject, match="PyTorchJob"):
        launcher_in(open_prefix).launch(resolved(RUN, {"manifest": written}))
