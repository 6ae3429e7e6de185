"""The collector in pods of a real cluster, beside a real service on this machine.

It needs the images `tunelet-collector` (`make image`) and `python:3.11` on the cluster's nodes,
whose pods reach this machine at the node's address.
"""

import base64
import json
import os
import socket
import socketserver
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.launchers.kubernetes.labels import COLLECTOR as NAME
from adapters.launchers.kubernetes.sidecar import sidecar
from tests.e2e.beside import Trainer
from tests.e2e.conftest import Up, one_editor
from tests.guard import end_all
from tunelet import __version__
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Run

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).resolve().parents[2]
COLLECTOR = os.environ.get(
    "TUNELET_TEST_COLLECTOR_IMAGE", f"dev.local/tunelet-collector:{__version__}"
)
PYTHON = os.environ.get("TUNELET_TEST_PYTHON_IMAGE", "localhost/python:3.11")
TFEVENTS = ROOT / "tests/unit/tunelet/training/tfevents/tensorboardx.tfevents"
STDOUT = MetricsSource(step="step", objectives=("loss",))
TOO_MUCH = "python3 -c 'bytes(1) * (1 << 30)'"
"""More memory than the training may have."""
PATIENCE_SECONDS = 120.0
RULE = {"name": "threshold", "settings": {"upper": 1e6}}


class Pod:
    """A training with a collector beside it."""

    def __init__(self, core: Any, namespace: str, launch: Launch, **env: str) -> None:
        self._core, self._namespace, self.name = core, namespace, f"pod-{uuid.uuid4().hex[:8]}"
        core.create_namespaced_pod(namespace, self._manifest(launch, env))

    def _manifest(self, launch: Launch, env: dict[str, str]) -> dict[str, Any]:
        beside = sidecar(launch, COLLECTOR)
        for each in beside.containers:
            each["env"] += [{"name": name, "value": value} for name, value in env.items()]
        training = {
            "name": "training",
            "image": PYTHON,
            "command": list(launch.command),
            "env": [{"name": name, "value": value} for name, value in launch.env.items()],
            "volumeMounts": beside.mounts,
            "resources": {"limits": {"memory": "128Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
        return {
            "metadata": {"name": self.name},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 1000,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "initContainers": beside.containers,
                "containers": [training],
                "volumes": beside.volumes,
            },
        }

    @property
    def status(self) -> Any:
        return self._core.read_namespaced_pod_status(self.name, self._namespace).status

    @property
    def training(self) -> Any:
        return self.status.container_statuses[0].state

    @property
    def collector(self) -> Any:
        return self.status.init_container_statuses[0]

    def log(self, container: str) -> str:
        return str(
            self._core.read_namespaced_pod_log(self.name, self._namespace, container=container)
        )

    def end(self) -> tuple[str, int, dict[str, Any]]:
        """Once all has ended: the pod's phase, the training's exit code, the collector's values.

        The collector never fails, and is never started a second time.
        """
        until(lambda: self.status.phase in ("Succeeded", "Failed"), self)
        ended = self.collector
        assert (ended.restart_count, ended.state.terminated.exit_code) == (0, 0), self.log(NAME)
        values = json.loads(ended.state.terminated.message)["values"]
        return self.status.phase, self.training.terminated.exit_code, values


def until(holds: Callable[[], object], pod: Pod) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{pod.status}\n{pod.log(NAME)}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def namespace(core: Any) -> Iterator[str]:
    """One that lets in only pods of the standard "restricted", with all that the collector may."""
    from kubernetes import client

    name = f"tl-collector-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    access = client.RbacAuthorizationV1Api()
    role = {"kind": "Role", "name": "collector", "apiGroup": "rbac.authorization.k8s.io"}
    rule = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}
    who = {"kind": "ServiceAccount", "name": "default", "namespace": name}
    named = {"metadata": {"name": "collector"}}
    access.create_namespaced_role(name, named | {"rules": [rule]})
    access.create_namespaced_role_binding(name, named | {"roleRef": role, "subjects": [who]})
    yield name
    core.delete_namespace(name)


@pytest.fixture(scope="module")
def node(core: Any) -> str:
    """The address at which pods reach this machine."""
    addresses = core.list_node().items[0].status.addresses
    return next(str(each.address) for each in addresses if each.type == "InternalIP")


@pytest.fixture
def trainer(tmp_path: Path, node: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trainer]:
    started: list[Up] = []
    # Pods reach the service beyond loopback, so it has to know who may submit.
    known = one_editor(tmp_path)
    monkeypatch.setenv("TUNELET_TOKEN", known.token)

    def start(*options: str) -> Up:
        started.append(Up(tmp_path / "data", *options))
        return started[-1]

    made = Trainer(start, tmp_path, "--host", node, "--identity", str(known.file))
    made.submit(objective={"metric": "loss"}, early_stopping=RULE)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not made.started:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield made
    for one in started:
        if one.process.poll() is None:
            one.close()
    end_all(tmp_path)


@pytest.fixture
def begin(trainer: Trainer, core: Any, namespace: str) -> Callable[..., Pod]:
    def start(*command: str, env: dict[str, str] | None = None, **metrics: Any) -> Pod:
        launch = Launch(
            run=Run("default", "beside", "u1", 0, 1),
            code={"image": PYTHON},
            command=command,
            args=(),
            env=trainer.env,
            metrics=replace(STDOUT, **metrics),
        )
        return Pod(core, namespace, launch, **env or {})

    return start


def test_reports_arrive_during_training_and_the_training_is_stopped(
    begin: Callable[..., Pod], trainer: Trainer
) -> None:
    pod = begin(
        *("python3", "-u", "-c"),
        "import itertools, os, sys, time\n"
        "for step in itertools.count(1):\n"
        "    print(f'{step=} loss={1 / step if not os.path.exists(\"/tmp/bad\") else 1e9}')\n"
        "    print('noise ' * 99, file=sys.stderr)\n"
        "    if step == 20: open('/tmp/bad', 'w')\n"
        "    if os.path.exists(os.environ['TUNELET_STOP_FILE']): sys.exit(4)\n"
        "    time.sleep(0.3)\n",
    )
    until(lambda: 3 in trainer.reports, pod)
    assert pod.training.running
    phase, code, values = pod.end()
    assert (phase, code, values) == ("Failed", 4, {"loss": 1e9})
    assert trainer.trial["state"] == "PRUNED"
    assert {step: values for step, values in trainer.reports.items() if step <= 20} == {
        step: {"loss": 1 / step} for step in range(1, 21)
    }


@pytest.mark.parametrize(
    ("last", "phase", "code"),
    [("exit 0", "Succeeded", 0), ("exit 3", "Failed", 3), (f"exec {TOO_MUCH}", "Failed", 137)],
)
def test_the_trainings_exit_code_stays_and_its_last_line_counts(
    begin: Callable[..., Pod], trainer: Trainer, last: str, phase: str, code: int
) -> None:
    pod = begin("sh", "-c", f"for n in 4 3 2; do echo loss=$n; done; printf loss=1; {last}")
    assert pod.end() == (phase, code, {"loss": 1.0})
    assert trainer.reports == {n: {"loss": 5.0 - n} for n in (1, 2, 3, 4)}


def test_while_the_service_is_away_nothing_is_lost(
    begin: Callable[..., Pod], trainer: Trainer
) -> None:
    pod = begin("sh", "-c", "for n in $(seq 1 40); do echo step=$n loss=$n.5; sleep 0.25; done")
    until(lambda: 1 in trainer.reports, pod)
    trainer.service.kill()
    time.sleep(5)
    trainer.service.start()
    pod.end()
    assert sorted(trainer.reports) == list(range(1, 41))


def test_values_that_could_not_be_reported_are_in_the_termination_message(
    begin: Callable[..., Pod], trainer: Trainer
) -> None:
    trainer.service.kill()
    pod = begin("sh", "-c", "echo loss=2; echo loss=0.25 accuracy=0.5")
    assert pod.end() == ("Succeeded", 0, {"loss": 0.25, "accuracy": 0.5})
    trainer.service.start()
    assert trainer.reports == {}


def test_values_are_read_from_a_file_that_both_see(
    begin: Callable[..., Pod], trainer: Trainer
) -> None:
    pod = begin(
        *("sh", "-c"),
        'echo loss=7; for n in 1 2 3; do echo "{\\"loss\\": $n}" >> /out/m.json; sleep 1; done',
        source="file",
        format="json",
        path="/out/m.json",
    )
    assert pod.end() == ("Succeeded", 0, {"loss": 3.0})
    assert trainer.reports == {n: {"loss": float(n)} for n in (1, 2, 3)}


def test_values_are_read_from_event_files(begin: Callable[..., Pod], trainer: Trainer) -> None:
    written = base64.b64encode(TFEVENTS.read_bytes()).decode()
    pod = begin(
        *("sh", "-c"),
        f"mkdir /logs/val; echo {written} | base64 -d > /logs/val/events.out.tfevents.1.host",
        source="tensorboard",
        path="/logs",
    )
    phase, _, values = pod.end()
    assert (phase, values["val/loss"]) == ("Succeeded", 0.25)
    assert sorted(trainer.reports) == [1, 2, 3, 4]


def test_a_log_is_read_to_its_end_through_repeated_disconnections(
    begin: Callable[..., Pod], trainer: Trainer, node: str
) -> None:
    with Cutting(node, 100_000) as proxy:
        pod = begin(
            *("python3", "-u", "-c"),
            "import time\n"
            "for step in range(300):\n"
            "    rest = 20_000 if step % 50 == 9 else step * 8\n"
            "    print(f'{step=} loss={step / 7} ' + 'x' * rest)\n"
            "    time.sleep(0.05)\n",
            env={"KUBERNETES_SERVICE_HOST": node, "KUBERNETES_SERVICE_PORT": str(proxy.port)},
        )
        pod.end()
        assert proxy.cuts > 3
    assert trainer.reports == {step: {"loss": step / 7} for step in range(300)}


@pytest.mark.parametrize("pattern", [None, r"(?P<name>\w+)\s*=\s*(?P<value>[-+.\de]+)"])
def test_it_lives_on_30_mib(
    begin: Callable[..., Pod], trainer: Trainer, pattern: str | None
) -> None:
    """With as many steps as count, and a long line."""
    pod = begin(
        *("python3", "-u", "-c"),
        "import time\n"
        "for step in range(10_000):\n"
        "    print(f'{step=} loss={step / 7} accuracy={step / 11} rate=0.1')\n"
        "print('x' * (8 << 20))\n"
        "time.sleep(3600)\n",
        pattern=pattern,
    )
    until(lambda: len(trainer.reports) == 10_000, pod)
    used = memory(pod.collector.container_id)
    print(f"pattern {pattern}: {used}")
    assert pod.collector.restart_count == 0
    assert used is None or used["peak"] <= 30 << 20
    assert used is None or used["anonymous"] <= 24 << 20


def memory(container: str) -> dict[str, int] | None:
    """Bytes in the container's control group, where this machine is the node."""
    for folder in Path("/sys/fs/cgroup").rglob(f"*{container.rpartition('/')[2]}*"):
        for peak in ("memory.peak", "memory.max_usage_in_bytes"):
            if (folder / peak).exists():
                lines = (folder / "memory.stat").read_text().splitlines()
                stat = dict(line.split() for line in lines)
                return {
                    "peak": int((folder / peak).read_text()),
                    "anonymous": int(stat.get("anon") or stat["rss"]),
                    "files": int(stat.get("file") or stat["cache"]),
                }
    return None


class Cutting(socketserver.ThreadingTCPServer):
    """A proxy of the Kubernetes API that cuts each connection after a number of answered bytes."""

    daemon_threads = True

    def __init__(self, node: str, after: int) -> None:
        super().__init__((node, 0), _Cut)
        self.port, self.after, self.cuts = self.server_address[1], after, 0
        self.upstream = ("10.96.0.1", 443)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Cut(socketserver.BaseRequestHandler):
    server: Cutting

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            threading.Thread(target=self._pass, args=(upstream,), daemon=True).start()
            left = self.server.after
            while left > 0 and (data := upstream.recv(min(left, 4096))):
                self.request.sendall(data)
                left -= len(data)
            self.server.cuts += left <= 0
            upstream.shutdown(socket.SHUT_RDWR)

    def _pass(self, upstream: socket.socket) -> None:
        try:
            while data := self.request.recv(4096):
                upstream.sendall(data)
        except OSError:
            return
