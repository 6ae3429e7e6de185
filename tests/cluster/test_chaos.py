"""An experiment on the plain overlay during all kinds of faults, and its result.

Function pods are killed, training pods deleted and evicted, Jobs deleted, the API server is killed,
and the store is away for ten seconds; in an order, at moments and with victims that a seed decides.
The trainings save a checkpoint on SIGTERM, half of them then exit with 0. What each printed stands
in a register, with which every trial's value, reports and attempts are compared.

TUNELET_TEST_TRIALS and TUNELET_TEST_SEED make it longer, and another.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi
from benchmarks.harness.installed import Installed, installed
from functions.hosting.cron import ping
from tests.cluster import apiserver
from tests.cluster.conftest import AWS, Bucket, Kubectl
from tests.cluster.register import STEPS, Attempt, Register, register
from tests.contracts.launchers import until
from tests.faults.proxy import FaultProxy, proxied
from tunelet.client import Client
from tunelet.errors import TuneletError

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

TRIALS, TOGETHER = int(os.environ.get("TUNELET_TEST_TRIALS", "60")) // 2, 6
"""Of each of the two experiments."""
FAULTS = {
    "a function pod is killed": 0.04,
    "a pod is deleted": 0.04,
    "a training pod is deleted": 0.06,
    "a training pod is evicted": 0.06,
    "a training pod is deleted at its end": 0.06,
    "a training Job is deleted": 0.04,
    "the API server restarts": 0.01,
    "the store is away": 0.01,
}
"""How often each happens, for each trial; each does at least once."""
PRINTED = {
    "stdout": ('echo "step=$step objective=$value"', {}),
    "file": (
        """echo "{\\"step\\": $step, \\"objective\\": $value}" >> /out/metrics.json""",
        {"source": "file", "path": "/out/metrics.json", "format": "json"},
    ),
}
"""How values are given: to the launcher, without a collector, and to a collector."""
LAUNCHER = "kubernetes://?prefix=tunelet-trials-"
AWAY_SECONDS = 10.0
PATIENCE_SECONDS = 1800.0
DETAIN_SECONDS = 180.0


class World(NamedTuple):
    kubectl: Kubectl
    api: KubernetesApi
    store: FaultProxy
    book: Register
    plain: Installed
    service: Client

    def pods(self, namespace: str, label: str, **query: str) -> list[str]:
        path, wanted = f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": label, **query}
        return [each["metadata"]["name"] for each in self.api.list(path, **wanted)]

    def objects(self, name: str) -> list[str]:
        """All that is left of an experiment in the cluster."""
        kinds = ("apis/batch/v1", "jobs"), *(("api/v1", k) for k in ("pods", "services", "secrets"))
        of = {"labelSelector": f"tunelet.dev/experiment={name}"}
        return [
            f"{kind}/{each['metadata']['name']}"
            for root, kind in kinds
            for each in self.api.list(f"/{root}/namespaces/{self.plain.trials}/{kind}", **of)
        ]


@pytest.fixture
def world(kubectl: Kubectl, bucket: Bucket, source: str) -> Iterator[World]:
    """The overlay, with a store that can be away; only for files with a collector."""
    server = urlsplit(bucket.credentials[AWS[0]]).netloc
    with proxied(server, share=0.0, host=bucket.host) as store, register(bucket.host) as book:
        credentials = bucket.credentials | {AWS[0]: f"http://{store.address}"}
        settings = {"TUNELET_STORE": bucket.url}
        settings |= {} if source == "file" else {"TUNELET_LAUNCHER": LAUNCHER}
        with installed(kubectl, settings, credentials) as plain:
            service = Client(plain.url, timeout=60)
            yield World(kubectl, KubernetesApi(access()), store, book, plain, service)


class Chaos:
    """Faults during the experiment `name`, spread over its trials."""

    def __init__(self, world: World, name: str, seed: int) -> None:
        self._world, self._name, self._chance = world, name, random.Random(seed)
        self.jobless: set[Attempt] = set()
        """Attempts that lost their Job."""
        self.left = [
            fault for fault, share in FAULTS.items() for _ in range(max(1, round(share * TRIALS)))
        ]
        self._chance.shuffle(self.left)
        # Not in the last trials: a fault has to find something to strike.
        moments = range(2, TRIALS - TOGETHER)
        self._moments = sorted(self._chance.choices(moments, k=len(self.left)), reverse=True)

    def step(self) -> None:
        """Cause the faults that are due."""
        if self._moments and len(self._world.book.pods) >= self._moments[-1]:
            acts: dict[str, Callable[[], str | None]] = {
                "a function pod is killed": self._kill,
                "a pod is deleted": self._delete,
                "a training pod is deleted": self._delete_training,
                "a training pod is evicted": self._evict,
                "a training pod is deleted at its end": self._delete_late,
                "a training Job is deleted": self._delete_job,
                "the API server restarts": self._restart,
                "the store is away": self._send_away,
            }
            if struck := acts[self.left[-1]]():
                print(f"{time.strftime('%X')}: {self.left.pop()}: {struck}", flush=True)
                self._moments.pop()

    def _kill(self) -> str | None:
        where = self._world.plain.namespace
        pod = self._chosen(where, "app.kubernetes.io/name=tunelet")
        options = ("--grace-period=0", "--force", "--wait=false")
        if pod:
            self._world.kubectl("-n", where, "delete", "pod", pod, *options, fails=True)
        return pod

    def _delete(self) -> str | None:
        """A pod at any moment: before it has begun to train, or when it is done."""
        pod = self._chosen(self._world.plain.trials, f"tunelet.dev/experiment={self._name}")
        if pod:
            self._world.api.delete(self._path(pod), "Background")
        return pod

    def _delete_training(self) -> str:
        """A pod while it trains."""
        pod = self._detained()
        self._world.api.delete(self._path(pod), "Background")
        return pod

    def _delete_late(self) -> str:
        """A pod with a training that prints its last value and ends at the same moment."""
        pod = self._detained(last=True)
        self._world.api.delete(self._path(pod), "Background")
        time.sleep(self._chance.choice((0, 0.05, 0.5)))
        self._world.book.let_go(pod)
        return pod

    def _delete_job(self) -> str | None:
        """The Job of a pod while it trains."""
        detained = self._detained()
        pod = self._world.api.get(self._path(detained))
        if pod is not None:
            path = f"/apis/batch/v1/namespaces/{self._world.plain.trials}/jobs"
            propagation = self._chance.choice(("Background", "Foreground"))
            job = pod["metadata"]["labels"]["job-name"]
            self.jobless.add((int(job.split("-")[-2]), int(job.split("-")[-1])))
            self._world.api.delete(f"{path}/{job}", propagation)
        return detained if pod is not None else None

    def _detained(self, last: bool = False) -> str:
        steps = range(STEPS, STEPS + 1) if last else range(1, STEPS)
        return self._world.book.detain(DETAIN_SECONDS, steps)

    def _evict(self) -> str:
        """A pod while it trains."""
        pod = self._detained()
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        self._world.api.create(f"{self._path(pod)}/eviction", eviction)
        return pod

    def _restart(self) -> str:
        # For a moment there may be none, or two, as after the restart of an earlier test.
        server = until(apiserver.running)
        apiserver.restart(server, self._chance.uniform(0, 3), self._world.kubectl)
        return "it answers again"

    def _send_away(self) -> str:
        self._world.store.away = True
        time.sleep(AWAY_SECONDS)
        self._world.store.away = False
        return "it is back"

    def _path(self, pod: str) -> str:
        return f"/api/v1/namespaces/{self._world.plain.trials}/pods/{pod}"

    def _chosen(self, namespace: str, label: str) -> str | None:
        alive = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
        found = self._world.pods(namespace, label, **alive)
        return self._chance.choice(found) if found else None


@pytest.mark.skipif(apiserver.running() is None, reason="the API server is not on this machine")
@pytest.mark.parametrize("source", list(PRINTED))
@pytest.mark.parametrize("seed", [int(os.environ.get("TUNELET_TEST_SEED", "1"))])
def test_an_experiment_ends_right_whatever_is_killed_meanwhile(
    world: World, source: str, seed: int
) -> None:
    name = world.service.submit(request(world.book, source)).name
    chaos, deadline = Chaos(world, name, seed), time.monotonic() + PATIENCE_SECONDS
    while (experiment := seen(world.service, name)) is None or not experiment.ended:
        assert time.monotonic() < deadline, world.service.experiment(name).json
        chaos.step()
        time.sleep(0.5)
    assert experiment.state == "COMPLETE", experiment.json
    assert not chaos.left, "it ended before all faults had happened"
    trials = list(world.service.trials(name))
    assert [trial["number"] for trial in trials] == list(range(TRIALS))
    assert [trial for trial in trials if trial["state"] != "COMPLETE"] == []
    wrong = [fault for trial in trials for fault in differs(world.book, trial)]
    assert wrong == [], "\n".join(wrong)
    best = min(trials, key=lambda trial: float(trial["values"]["objective"]))
    assert [each["number"] for each in world.service.best(name)] == [best["number"]]
    ran_once(world.book, {trial["number"]: trial["attempt"] for trial in trials}, chaos.jobless)
    leaves_nothing(world, name)


def request(book: Register, source: str) -> dict[str, Any]:
    printed, metrics = PRINTED[source]
    return {
        "model_training_code": {
            "image": "localhost/python:3.11",
            "command": ["bash", "-c", book.training(printed)],
        },
        "metrics": metrics,
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": TRIALS,
        "parallel_trials": TOGETHER,
        # A pod may be struck more than once.
        "max_attempts": 10,
        "seed": 1,
    }


def seen(service: Client, name: str) -> Any:
    """The experiment; None while no pod answers."""
    try:
        return service.experiment(name)
    except TuneletError:
        return None


def differs(book: Register, trial: dict[str, Any]) -> Iterator[str]:
    """The differences between a trial and the output of its trainings."""
    number, last = trial["number"], trial["attempt"]
    printed = book.values[number, last]
    if (number, last) not in book.done:
        yield f"trial {number}: attempt {last} did not come to its end"
    if trial["values"] != {"objective": printed.get(STEPS)}:
        yield f"trial {number}: {trial['values']} counts, attempt {last} printed {printed}"
    told = {each["step"]: each["values"]["objective"] for each in trial["reports"]}
    if not printed.items() <= told.items():
        yield f"trial {number}: attempt {last} printed {printed}, its reports are {told}"
    for step, value in told.items():
        if value not in (book.values[number, n].get(step) for n in range(1, last + 1)):
            yield f"trial {number}: {value} at step {step} was never printed"


def ran_once(book: Register, attempts: dict[int, int], jobless: set[Attempt]) -> None:
    """No attempt trained twice, no two of a trial beside each other, and the last one did train.

    An attempt that was struck before it had signed in never trained. One that lost its Job before
    its start was in the log, for a function was killed, is launched again
    (docs/concepts/protocol.md).
    """
    twice = {attempt: pods for attempt, pods in book.pods.items() if len(pods) > 1}
    assert twice.keys() <= jobless, twice
    assert book.beside == []
    assert book.most <= TOGETHER
    assert set(attempts.items()) <= book.pods.keys()
    assert [each for each in book.pods if each[1] > attempts[each[0]]] == []
    assert sum(last > 1 for last in attempts.values()) >= 2


def leaves_nothing(world: World, name: str) -> None:
    assert world.objects(name)
    world.service.delete(name)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := world.objects(name):
        assert time.monotonic() < deadline, left
        ping(f"{world.plain.events}/")
        time.sleep(2)
