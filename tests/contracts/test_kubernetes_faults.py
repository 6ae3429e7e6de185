"""Faults of a real cluster, caused on purpose: the training's are failures, others are not.

All that need no help begin at once, in one namespace.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from adapters.launchers.kubernetes.api import KubernetesApi
from adapters.launchers.kubernetes.launcher import KubernetesLauncher
from tests.contracts.clusters import (
    api,
    launcher_in,
    namespaces,
    needs_cluster,
    training,
    waits,
)
from tests.contracts.launchers import ended, until
from tests.serving import serving
from tunelet.core.run import Launch, Phase, Run
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import NotFound, Reject, Retry

pytestmark = needs_cluster

SLEEP = "print('loss=1', flush=True); import time; time.sleep(1000)"
UNIQUE = secrets.token_hex(4)
SLOT = f"tunelet.test/slot-{UNIQUE}"
GHOST = f"tl-launcher-ghost-{UNIQUE}"
NODES = "/api/v1/nodes"
GRACE_SECONDS = 8


class _Empty(BaseHTTPRequestHandler):
    """A registry without any image."""

    def do_GET(self) -> None:
        found = self.path == "/v2/"
        body = json.dumps({} if found else {"errors": [{"code": "MANIFEST_UNKNOWN"}]}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """The registry that containerd asks without TLS, by the node's configuration."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    server.daemon_threads = True
    with serving(server) as port:
        yield f"127.0.0.1:{port}"


def launches(run: Callable[[str], Run], registry: str) -> Iterator[Launch]:
    def failing(name: str, text: str = SLEEP, **code: Any) -> Launch:
        return training(run(name), text, code)

    yield failing("bad", "print('nope'); raise SystemExit(3)", bad_exit_codes=[3])
    yield failing("broken", "print('so far'); raise SystemExit(4)", bad_exit_codes=[3])
    yield failing(
        "memory",
        "print('big', flush=True); x = bytearray(1 << 30)",
        resources={"limits": {"memory": "48Mi"}},
    )
    yield training(run("deadline"), SLEEP, timeout=1.5)
    yield failing("missing-image", image=f"{registry}/none:1")
    yield failing("no-registry", image="127.0.0.1:9/none:1")
    yield failing("never-pulled", image="localhost/none:1", image_pull_policy="Never")
    yield failing("invalid-image", image="NO:such:Image")
    yield failing("missing-secret", secrets={"A": {"name": "missing", "key": "k"}})
    yield failing("unschedulable", node_selector={"no": "where"})
    yield failing("evicted")
    yield failing("deleted")
    saving = f"import signal; signal.signal(15, lambda *_: exit(0)); {SLEEP}"
    yield failing("done", saving)
    yield failing("saved", saving)
    yield failing("killed")
    yield failing(
        "preempted",
        resources={"limits": {SLOT: 1}},
        priority_class=f"tl-launcher-low-{UNIQUE}",
    )
    yield failing(
        "node-gone",
        node_selector={"kubernetes.io/hostname": GHOST},
        tolerations=[{"operator": "Exists"}],
    )
    yield failing(
        "storage",
        "open('/scratch/x', 'wb').write(bytes(1 << 24)); import time; time.sleep(1000)",
        volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
        volume_mounts=[{"name": "scratch", "mountPath": "/scratch"}],
    )


class Ward:
    """Runs by name, in one namespace."""

    def __init__(self, prefix: str) -> None:
        self.api: KubernetesApi = api()
        self.prefix = prefix
        self.launcher: KubernetesLauncher = launcher_in(prefix, grace_seconds=GRACE_SECONDS)
        self._numbers: dict[str, int] = {}

    def run(self, name: str) -> Run:
        number = self._numbers.setdefault(name, len(self._numbers))
        return Run("faults", "ward", "u1", number, 1)

    def ended(self, name: str) -> Outcome:
        return ended(self.launcher, self.run(name))

    def running(self, name: str) -> str:
        """The path of the run's pod, once its output is there."""
        run = self.run(name)
        until(lambda: self.launcher.observe(run).reports)
        return self.pod(run)

    def evict(self, name: str) -> None:
        """The run's pod, once its output is there."""
        pod = self.running(name)
        metadata = {"name": pod.rpartition("/")[2]}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        self.api.create(f"{pod}/eviction", eviction)

    def pod(self, run: Run) -> str:
        path = f"/api/v1/namespaces/{self.prefix}{run.namespace}/pods"
        found = until(lambda: list(self.api.list(path, labelSelector=f"job-name={run.name}")))
        return f"{path}/{found[0]['metadata']['name']}"


@pytest.fixture(scope="module")
def ward(registry: str) -> Iterator[Ward]:
    server = api()
    for name, value in (("low", -10), ("high", 10)):
        metadata = {"name": f"tl-launcher-{name}-{UNIQUE}"}
        priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
        classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
        server.create(classes, {**priority, "metadata": metadata, "value": value})
    node = next(iter(server.list(NODES)))["metadata"]["name"]
    capacity = {"status": {"capacity": {SLOT: "1"}, "allocatable": {SLOT: "1"}}}
    server.patch(f"{NODES}/{node}/status", capacity)
    server.create(NODES, _ghost())
    server.patch(f"{NODES}/{GHOST}/status", {"status": _ghost()["status"]})
    with namespaces("faults") as prefix:
        ward = Ward(prefix)
        for launch in launches(ward.run, registry):
            ward.launcher.launch(launch)
        pod = ward.pod(ward.run("node-gone"))
        until(lambda: (ward.api.get(pod) or {}).get("spec", {}).get("nodeName"))
        # The cluster waits for some forty seconds before it gives up the pods.
        server.delete(f"{NODES}/{GHOST}", "Background")
        yield ward
    server.patch(f"{NODES}/{node}/status", {"status": {"capacity": {SLOT: None}}})
    for name in ("low", "high"):
        server.delete(f"{classes}/tl-launcher-{name}-{UNIQUE}", "Background")


def _ghost() -> dict[str, Any]:
    """A node without a machine, which takes the pods that want it and never starts them."""
    room = {"cpu": "1", "memory": "1Gi", "pods": "10"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": GHOST, "labels": {"kubernetes.io/hostname": GHOST}},
        "spec": {"taints": [{"key": "tunelet.test/ghost", "effect": "NoSchedule"}]},
        "status": {
            "capacity": room,
            "allocatable": room,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Ghost"}],
        },
    }


def test_an_exit_code_that_the_user_marked_says_that_the_hyperparameters_are_bad(
    ward: Ward,
) -> None:
    outcome = ward.ended("bad")
    assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 3)
    assert "bad hyperparameters" in str(outcome.reason)
    assert outcome.log_tail == "nope"


def test_another_exit_code_is_a_failure_with_its_last_lines(ward: Ward) -> None:
    outcome = ward.ended("broken")
    assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 4)
    assert outcome.reason == "the training exited with 4"
    assert outcome.log_tail == "so far"


def test_running_out_of_memory_is_a_failure_that_names_the_limit(ward: Ward) -> None:
    outcome = ward.ended("memory")
    assert outcome.verdict is Verdict.FAIL
    assert "out of memory" in str(outcome.reason)
    assert "48Mi" in str(outcome.reason)
    assert outcome.log_tail == "big"


def test_a_run_past_its_deadline_is_a_failure_that_names_the_seconds(ward: Ward) -> None:
    outcome = ward.ended("deadline")
    assert outcome.verdict is Verdict.FAIL
    assert "1.5 s" in str(outcome.reason)
    assert outcome.log_tail == "loss=1"


def test_an_image_that_a_registry_does_not_have_is_a_failure(ward: Ward, registry: str) -> None:
    outcome = ward.ended("missing-image")
    assert outcome.verdict is Verdict.FAIL
    assert f"{registry}/none:1" in str(outcome.reason)


def test_a_silent_registry_is_not_a_failure_of_the_trial(ward: Ward) -> None:
    outcome = ward.ended("no-registry")
    assert outcome.verdict is Verdict.LOST
    assert "127.0.0.1:9/none:1" in str(outcome.reason)


@pytest.mark.parametrize(
    ("name", "image"), [("never-pulled", "localhost/none:1"), ("invalid-image", "NO:such:Image")]
)
def test_an_image_that_cannot_be_used_is_a_failure(ward: Ward, name: str, image: str) -> None:
    outcome = ward.ended(name)
    assert outcome.verdict is Verdict.FAIL
    assert image in str(outcome.reason)


def test_a_run_that_could_not_begin_leaves_nothing(ward: Ward) -> None:
    run = ward.run("never-pulled")
    ward.ended("never-pulled")
    path = f"/api/v1/namespaces/{ward.prefix}{run.namespace}/pods"
    until(lambda: not list(ward.api.list(path, labelSelector=f"job-name={run.name}")))
    assert run not in ward.launcher.active(run.namespace, run.experiment)


def test_a_secret_that_is_missing_is_a_failure_that_names_it(ward: Ward) -> None:
    outcome = ward.ended("missing-secret")
    assert outcome.verdict is Verdict.FAIL
    assert '"missing"' in str(outcome.reason)


def test_a_trial_that_fits_on_no_node_waits_with_the_reason(ward: Ward) -> None:
    run = ward.run("unschedulable")
    assert "Unschedulable" in waits(ward.launcher, run)
    with pytest.raises(NotFound, match="Unschedulable"):
        ward.launcher.logs(run)
    assert run in ward.launcher.active(run.namespace, run.experiment)


def test_an_eviction_is_not_a_failure_of_the_trial(ward: Ward) -> None:
    ward.evict("evicted")
    outcome = ward.ended("evicted")
    assert outcome.verdict is Verdict.LOST
    assert "evict" in str(outcome.reason).lower()


def test_a_preemption_is_not_a_failure_of_the_trial(ward: Ward) -> None:
    ward.running("preempted")
    more = training(
        ward.run("preempting"),
        "print('objective=1')",
        {"resources": {"limits": {SLOT: 1}}, "priority_class": f"tl-launcher-high-{UNIQUE}"},
    )
    ward.launcher.launch(more)
    assert ward.ended("preempted").verdict is Verdict.LOST
    assert ward.ended("preempting").verdict is Verdict.COMPLETE


def test_a_deleted_pod_is_not_a_failure_of_the_trial(ward: Ward) -> None:
    ward.api.delete(ward.running("deleted"), "Background")
    outcome = ward.ended("deleted")
    assert outcome.verdict is Verdict.LOST
    assert "deleted" in str(outcome.reason)


def test_a_training_that_exits_with_0_when_its_pod_is_deleted_gives_no_result(ward: Ward) -> None:
    ward.api.delete(ward.running("done"), "Background")
    outcome = ward.ended("done")
    assert outcome.verdict is Verdict.LOST
    assert "deleted" in str(outcome.reason)


def test_a_training_that_exits_with_0_when_its_pod_is_evicted_gives_no_result(ward: Ward) -> None:
    ward.evict("saved")
    assert ward.ended("saved").verdict is Verdict.LOST


def test_a_job_that_somebody_deleted_is_absent_once_its_pods_are_gone(ward: Ward) -> None:
    pod = ward.running("killed")
    run = ward.run("killed")
    ward.api.delete(f"/apis/batch/v1/namespaces/{ward.prefix}faults/jobs/{run.name}", "Background")
    until(lambda: ward.launcher.observe(run).phase is Phase.ABSENT)
    left = ward.api.get(pod)
    assert left is None or left["status"]["phase"] in ("Succeeded", "Failed")


def test_more_storage_than_its_volume_may_hold_is_a_failure(ward: Ward) -> None:
    outcome = ward.ended("storage")
    assert outcome.verdict is Verdict.FAIL
    assert "storage" in str(outcome.reason)


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """The prefix of two namespaces: without room for pods, and without room for Jobs."""
    with namespaces("pods", "jobs") as prefix:
        for name, hard in (("pods", {"pods": "0"}), ("jobs", {"count/jobs.batch": "0"})):
            quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}}
            path = f"/api/v1/namespaces/{prefix}{name}/resourcequotas"
            api().create(path, {**quota, "spec": {"hard": hard}})
            until(lambda path=path: (api().get(f"{path}/small") or {}).get("status"))  # type: ignore[misc]
        yield prefix


def test_a_run_waits_with_the_reason_if_the_quota_has_no_room_for_pods(small: str) -> None:
    run = Run("pods", "quota", "u1", 0, 1)
    launcher = launcher_in(small)
    launcher.launch(training(run, "print('objective=1')"))
    assert "exceeded quota" in waits(launcher, run)


def test_a_quota_without_room_for_jobs_throttles_the_launch(small: str) -> None:
    launch = training(Run("jobs", "quota", "u1", 0, 1), "print('objective=1')")
    with pytest.raises(Retry, match="exceeded quota"):
        launcher_in(small).launch(launch)


def test_a_namespace_that_does_not_exist_is_refused_with_the_remedy() -> None:
    launch = training(Run("nowhere", "quota", "u1", 0, 1), "print('objective=1')")
    with pytest.raises(Reject, match="create namespace"):
        launcher_in("tl-launcher-none-").launch(launch)


def test_a_value_that_the_api_does_not_accept_is_refused_in_its_words(ward: Ward) -> None:
    launch = training(ward.run("invalid"), SLEEP, {"resources": {"limits": {"cpu": "many"}}})
    with pytest.raises(Reject, match="quantit"):
        ward.launcher.launch(launch)
    assert ward.launcher.observe(ward.run("invalid")).phase is Phase.ABSENT


def test_a_job_of_somebody_else_is_left_alone(ward: Ward) -> None:
    run = ward.run("foreign")
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": run.name},
        "spec": {"suspend": True, "template": {"spec": pod}},
    }
    ward.api.create(f"/apis/batch/v1/namespaces/{ward.prefix}faults/jobs", job)
    with pytest.raises(Reject, match="foreign object"):
        ward.launcher.launch(training(run, SLEEP))
    assert ward.launcher.observe(run).phase is Phase.ABSENT


def test_a_lost_node_is_not_a_failure_of_the_trial(ward: Ward) -> None:
    assert ward.ended("node-gone").verdict is Verdict.LOST
