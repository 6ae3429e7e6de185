"""The functions as on Knative, each with its own account's rights, over a real cluster.

Whatever becomes of the events on their way, experiments end alike.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi
from functions.wiring import FUNCTIONS
from tests.cluster.conftest import INFRA, Bucket, Kubectl, overlay
from tests.e2e.processes import Functions, Route
from tunelet import __version__
from tunelet.client import Client
from tunelet.errors import Retry

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

NAMESPACE = "events"
PATH = f"/apis/batch/v1/namespaces/tunelet-trials-{NAMESPACE}/jobs"
TRAIN = """
import sys
x = float(sys.argv[1].split("=")[1])
for step in (1, 2):
    print(f"step={step} objective={x * step}", flush=True)
"""
REQUEST = {
    "namespace": NAMESPACE,
    "model_training_code": {"image": "localhost/python:3.11", "command": ["python3", "-c", TRAIN]},
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 6,
    "parallel_trials": 2,
    "seed": 7,
}

Start = Callable[..., Functions]


@pytest.fixture(scope="module")
def accounts(
    kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """A kubeconfig for the account of each function and of the source, by name."""
    folder = tmp_path_factory.mktemp("accounts")
    kubectl("apply", "-k", str(INFRA / "cluster"))
    kubectl("apply", "-f", str(INFRA / "base" / "accounts.yaml"))
    tenant = overlay(folder, resources=["trials"], namespace=f"tunelet-trials-{NAMESPACE}")
    kubectl("apply", "-k", str(tenant))
    admin = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    configs = {}
    for name in (*FUNCTIONS, "jobs"):
        token = kubectl("create", "token", f"tunelet-{name}", "-n", "tunelet").strip()
        users = [{"name": each["name"], "user": {"token": token}} for each in admin["users"]]
        configs[name] = str(folder / name)
        Path(configs[name]).write_text(yaml.safe_dump({**admin, "users": users}))
    yield configs
    kubectl("delete", "-k", str(tenant), "--wait=false")
    # Waited for, since another test may want the namespace again.
    kubectl("delete", "-k", str(INFRA / "cluster"), "--timeout=300s")


@pytest.fixture(scope="module")
def start(
    accounts: Mapping[str, str], bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Starts the functions; `way` handles the events between them and the broker."""
    started: list[Functions] = []

    def functions(way: Callable[[Route], Route]) -> Functions:
        settings = {
            "TUNELET_STORE": f"{bucket.url}/{uuid4().hex}",
            "TUNELET_LAUNCHER": "kubernetes://?prefix=tunelet-trials-"
            f"&collector_image=dev.local/tunelet-collector:{__version__}",
            "TUNELET_SECRET": "a secret of the test",
            **bucket.credentials,
        }
        folder = tmp_path_factory.mktemp("functions")
        own = {name: {"KUBECONFIG": accounts[name]} for name in FUNCTIONS}
        started.append(Functions(folder, settings, host=bucket.host, own=own, way=way))
        for name in FUNCTIONS:
            started[-1].wait(name)
        return started[-1]

    yield functions
    for each in started:
        each.close()


class Thrice:
    """Each event three times, in random order."""

    def __init__(self, route: Route) -> None:
        self._route, self._chance = route, random.Random(1)
        self._waiting: list[tuple[Mapping[str, str], bytes]] = []
        self._some = threading.Condition()
        threading.Thread(target=self._deliver, daemon=True).start()

    def __call__(self, headers: Mapping[str, str], body: bytes) -> None:
        with self._some:
            self._waiting += [(headers, body)] * 3
            self._some.notify()

    def _deliver(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: self._waiting)
                at = self._chance.randrange(len(self._waiting))
                event = self._waiting.pop(at)
            self._route(*event)
            time.sleep(self._chance.uniform(0, 0.1))


class Source:
    """Reports Jobs like an ApiServerSource, with the rights of its account."""

    KINDS: Mapping[str, str] = {"ADDED": "add", "MODIFIED": "update", "DELETED": "delete"}

    def __init__(self, config: str, route: Route) -> None:
        self._api, self._route = KubernetesApi(access({"KUBECONFIG": config})), route
        self.told: list[dict[str, Any]] = []
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            rest = b""
            try:
                for chunk in self._api.stream(PATH, watch="1", timeoutSeconds="20"):
                    *lines, rest = (rest + chunk).split(b"\n")
                    for change in map(json.loads, lines):
                        # The last of a watch that is too old: there is another one behind it.
                        if change["type"] != "ERROR":
                            self._tell(change)
            except Retry:
                time.sleep(0.5)

    def _tell(self, change: dict[str, Any]) -> None:
        name = change["object"]["metadata"]["name"]
        self.told.append(change["object"])
        headers = {
            "ce-specversion": "1.0",
            "ce-id": uuid4().hex,
            "ce-source": "https://10.96.0.1:443",
            "ce-type": f"dev.knative.apiserver.resource.{self.KINDS[change['type']]}",
            "ce-subject": f"{PATH}/{name}",
            "content-type": "application/json",
        }
        self._route(headers, json.dumps(change["object"]).encode())


def ended(functions: Functions, sweeps: bool) -> list[Any]:
    """Run the experiment; returns its trials."""
    client = Client(functions.client.url, NAMESPACE, timeout=60)
    name = client.submit(REQUEST).name
    deadline = time.monotonic() + 600
    while not (experiment := client.experiment(name)).ended:
        assert time.monotonic() < deadline, functions.log.read_text()[-5000:]
        if sweeps:
            assert functions.sweep() == 204
        time.sleep(1)
    assert experiment.state == "COMPLETE", experiment.json
    assert not list(client.dead_letters())
    assert "does not allow it" not in functions.log.read_text()
    told = ("number", "state", "attempt", "hyperparameters", "values")
    return [{part: trial[part] for part in told} for trial in client.trials(name)]


@pytest.fixture(scope="module")
def swept(start: Start) -> list[Any]:
    """The trials of an experiment with all events lost."""

    def lost(headers: Mapping[str, str], body: bytes) -> None:
        """Nothing arrives."""

    return ended(start(lambda route: lost), sweeps=True)


def test_with_all_events_lost_sweep_alone_ends_it(swept: list[Any]) -> None:
    assert [(trial["state"], trial["attempt"]) for trial in swept] == [("COMPLETE", 1)] * 6
    for trial in swept:
        x = trial["hyperparameters"]["x"]
        assert trial["values"]["objective"] == pytest.approx(2 * x)


def test_with_each_event_three_times_in_random_order_it_ends_alike_without_a_sweep(
    start: Start, accounts: Mapping[str, str], swept: list[Any]
) -> None:
    functions = start(Thrice)
    source = Source(accounts["jobs"], functions.route)
    assert ended(functions, sweeps=False) == swept
    assert not [token for job in source.told for token in _written_tokens(job)]


def test_without_a_source_and_a_sweep_the_collectors_announce_the_ends(
    start: Start, swept: list[Any]
) -> None:
    functions = start(lambda route: route)
    assert ended(functions, sweeps=False) == swept


def _written_tokens(job: dict[str, Any]) -> list[str]:
    """The tokens of trials that are visible in a Job."""
    pod = job["spec"]["template"]["spec"]
    variables = [
        variable
        for container in (*pod.get("initContainers", ()), *pod["containers"])
        for variable in container.get("env", ())
    ]
    return [v["value"] for v in variables if v["name"] == "TUNELET_TRIAL_TOKEN" and "value" in v]


def test_no_account_has_more_rights_than_its_function_needs(
    kubectl: Kubectl, accounts: Mapping[str, str]
) -> None:
    where = ("-n", f"tunelet-trials-{NAMESPACE}")

    def may(name: str, *what: str) -> bool:
        config = ("--kubeconfig", accounts[name])
        return kubectl(*config, "auth", "can-i", *what, *where, fails=True).strip() == "yes"

    assert may("launch", "create", "jobs")
    assert may("sweep", "create", "jobs")
    for name in ("api", "suggest", "complete", "deadletter", "jobs"):
        assert not may(name, "create", "jobs")
    for name in (*FUNCTIONS, "jobs"):
        assert not may(name, "get", "secrets")
        assert not may(name, "list", "secrets")
        assert not may(name, "create", "pods")
        assert not kubectl(
            *("--kubeconfig", accounts[name], "auth", "can-i", "list", "jobs", "-n", "default"),
            fails=True,
        ).startswith("yes")
