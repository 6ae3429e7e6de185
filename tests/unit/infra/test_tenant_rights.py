"""The service's rights in a tenant's namespace are what launching, observing and stopping need.

The launcher and its HTTP are the real ones. The API server is a small one of the test, which keeps
objects and records each request as the verb and resource that Kubernetes asks for.
"""

import json
import re
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from adapters.launchers.kubernetes.access import Access
from adapters.launchers.kubernetes.api import KubernetesApi
from adapters.launchers.kubernetes.launcher import KubernetesLauncher, Options
from tests.contracts.launchers import STDOUT
from tests.serving import serving
from tests.unit.infra.conftest import Resource
from tests.unit.infra.test_tenants import created
from tunelet.bundle import resource
from tunelet.core.run import Launch, Phase, Run

Right = tuple[str, str]
"""A verb and a resource."""

RUN, PAIR = Run("vision", "e", "u1", 0, 1), Run("vision", "e", "u1", 1, 1)
NAMESPACE = "tunelet-trials-vision"
_PATH = re.compile(r"/(?:api|apis/batch)/v1/namespaces/[^/]+/(\w+)(?:/([^/]+)(/log)?)?")

OF_OTHER_KINDS = {(verb, "configmaps") for verb in ("create", "get", "list", "patch", "delete")}
"""A ConfigMap leads to the object of a run of another kind than Job; ../kinds adds their rights."""


class Server:
    """An API server with Jobs, pods and whatever else is created."""

    def __init__(self) -> None:
        self.objects: dict[str, Resource] = {}
        self.asked: set[Right] = set()

    def answer(self, method: str, url: str, body: bytes) -> tuple[int, bytes]:
        path = urlsplit(url).path
        found = _PATH.fullmatch(path)
        assert found is not None, path
        kind, name, log = found.groups()
        verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}.get(method)
        self.asked.add((verb or ("get" if name else "list"), kind + (log or "")))
        if log:
            return 200, b"2026-01-01T00:00:00.000000001Z objective=1\n"
        if method == "POST":
            return self._created(path, json.loads(body))
        if name is None:
            items = [each for at, each in self.objects.items() if at.rpartition("/")[0] == path]
            return 200, json.dumps({"items": items, "metadata": {}}).encode()
        if path not in self.objects:
            return 404, b"{}"
        if method == "PATCH":
            _merge(self.objects[path], json.loads(body))
        one = self.objects.pop(path) if method == "DELETE" else self.objects[path]
        return 200, json.dumps(one).encode()

    def _created(self, path: str, thing: Resource) -> tuple[int, bytes]:
        at = f"{path}/{thing['metadata']['name']}"
        if at in self.objects:
            return 409, json.dumps({"reason": "AlreadyExists"}).encode()
        thing["metadata"] |= {"uid": at, "creationTimestamp": "2026-01-01T00:00:00Z"}
        self.objects[at] = thing
        return 201, json.dumps(thing).encode()

    def job(self, run: Run) -> Resource:
        return self.objects[f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{run.name}"]

    def ended(self, run: Run) -> None:
        """Let the run's pod end well, and its Job."""
        job = self.job(run)
        state = {"terminated": {"exitCode": 0, **dict.fromkeys(("startedAt", "finishedAt"), _AT)}}
        template = job["spec"]["template"]
        containers = [each["name"] for each in template["spec"]["containers"]]
        self.objects[f"/api/v1/namespaces/{NAMESPACE}/pods/{run.name}-0"] = {
            "metadata": {
                "name": f"{run.name}-0",
                "uid": "p",
                "creationTimestamp": _AT,
                "labels": template["metadata"]["labels"],
                "annotations": template["metadata"].get("annotations", {}),
            },
            "spec": template["spec"],
            "status": {
                "phase": "Succeeded",
                "containerStatuses": [{"name": name, "state": state} for name in containers],
            },
        }
        job["status"] = {
            "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": _AT}]
        }


_AT = "2026-01-01T00:00:10Z"


def _merge(thing: dict[str, Any], change: dict[str, Any]) -> None:
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(thing.get(name), dict):
            _merge(thing[name], value)
        else:
            thing[name] = value


@pytest.fixture
def server() -> Iterator[tuple[Server, KubernetesLauncher]]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            status, data = made.answer(self.command, self.path, self.rfile.read(size))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _any

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        access = Access(f"http://127.0.0.1:{port}", authorization=lambda: None)
        options = Options(prefix="tunelet-trials-")
        # Late enough for the launcher to ask for events, and early enough for no time-out.
        clock = time.mktime((2026, 1, 1, 0, 1, 0, 0, 0, 0)) - time.timezone
        yield made, KubernetesLauncher(KubernetesApi(access), options, lambda: clock)


def launch(run: Run, **code: Any) -> Launch:
    env = {"TUNELET_TRIAL_TOKEN": "secret"}
    given = {"image": "train:1", **code}
    return Launch(run=run, code=given, command=("train",), args=(), env=env, metrics=STDOUT)


def lived(server: Server, launcher: KubernetesLauncher) -> None:
    """Let runs live and die: one is stopped, and one ends, is saved and removed."""
    launcher.launch(launch(RUN))
    launcher.launch(launch(PAIR, nodes=2))
    assert launcher.observe(RUN).phase is Phase.ACTIVE
    assert set(launcher.active("vision", "e")) == {RUN, PAIR}
    launcher.stop(PAIR)
    server.ended(RUN)
    seen = launcher.observe(RUN)
    assert seen.outcome is not None
    assert b"objective=1" in b"".join(launcher.logs(RUN))
    launcher.heard(RUN)
    assert set(launcher.unsaved("vision", "e")) == {RUN}
    launcher.saved(RUN)
    launcher.remove("vision", "e", "u1")
    assert launcher.observe(RUN).outcome is None


def granted() -> set[Right]:
    """The rights that `tunelet tenant create` gives to the accounts that run the service."""
    with resource("infra/knative/cluster/rights.yaml").open() as text:
        roles = {each["metadata"]["name"]: each["rules"] for each in yaml.safe_load_all(text)}
    bound = {each["roleRef"]["name"] for each in created() if each["kind"] == "RoleBinding"}
    return {
        (verb, name)
        for role in bound - {"tunelet-watch", "tunelet-collect"}
        for rule in roles[role]
        for name in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_rights_are_those_that_the_launcher_asks_for(
    server: tuple[Server, KubernetesLauncher],
) -> None:
    lived(*server)
    asked = server[0].asked
    assert asked <= granted()
    assert granted() - asked <= OF_OTHER_KINDS


def test_no_right_reads_secrets_or_reaches_beyond_trials() -> None:
    rights = granted()
    assert {verb for verb, name in rights if name == "secrets"} == {"create"}
    assert not {name for _, name in rights} & {"*", "pods/exec", "roles", "rolebindings", "nodes"}
    assert "*" not in {verb for verb, _ in rights}
