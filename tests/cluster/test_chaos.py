"""An experiment on the plain overlay while everything that can go wrong does, and what it leaves.

Function pods are killed, training pods deleted and evicted, the API server is killed, and the
store is away for ten seconds; in an order, at moments and with victims that a seed decides.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import Api
from benchmarks.installed import Installed, installed
from functions.ping import ping
from tests.cluster import apiserver
from tests.cluster.conftest import AWS, Bucket, Kubectl
from tests.cluster.register import Register, register
from tests.faults.proxy import FaultProxy, proxied
from tunelet.client import Client
from tunelet.errors import TuneletError

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

TRIALS, TOGETHER = 100, 8
TRAIN = "{sign_in}; sleep 1; echo objective=${{0#--x=}}"
FAULTS = {
    "a function pod is killed": 4,
    "a training pod is deleted": 4,
    "a training pod is evicted": 4,
    "the API server restarts": 1,
    "the store is away": 1,
}
"""How often each happens."""
AWAY_SECONDS = 10.0
PATIENCE_SECONDS = 1800.0


class World(NamedTuple):
    kubectl: Kubectl
    api: Api
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
def world(kubectl: Kubectl, bucket: Bucket) -> Iterator[World]:
    """The overlay, with a store that can be away."""
    server = urlsplit(bucket.credentials[AWS[0]]).netloc
    with proxied(server, share=0.0, host=bucket.host) as store, register(bucket.host) as book:
        credentials = bucket.credentials | {AWS[0]: f"http://{store.address}"}
        with installed(kubectl, {"TUNELET_STORE": bucket.url}, credentials) as plain:
            service = Client(plain.url, timeout=60)
            yield World(kubectl, Api(access()), store, book, plain, service)


class Chaos:
    """Faults that happen as the experiment `name` goes on, spread over its trials."""

    def __init__(self, world: World, name: str, seed: int) -> None:
        self._world, self._name, self._chance = world, name, random.Random(seed)
        self.left = [fault for fault, times in FAULTS.items() for _ in range(times)]
        self._chance.shuffle(self.left)
        # Not in the last trials: a fault has to find something to strike.
        moments = range(TOGETHER, TRIALS - 2 * TOGETHER)
        self._moments = sorted(self._chance.sample(moments, len(self.left)), reverse=True)

    def step(self) -> None:
        """Let happen what is due."""
        if self._moments and len(self._world.book.pods) >= self._moments[-1]:
            acts: dict[str, Callable[[], bool]] = {
                "a function pod is killed": self._kill,
                "a training pod is deleted": self._delete,
                "a training pod is evicted": self._evict,
                "the API server restarts": self._restart,
                "the store is away": self._send_away,
            }
            if acts[self.left[-1]]():
                print(f"{time.strftime('%X')}: {self.left.pop()}", flush=True)
                self._moments.pop()

    def _kill(self) -> bool:
        where = self._world.plain.namespace
        pod = self._chosen(where, "app.kubernetes.io/name=tunelet")
        options = ("--grace-period=0", "--force", "--wait=false")
        if pod:
            self._world.kubectl("-n", where, "delete", "pod", pod, *options, fails=True)
        return bool(pod)

    def _delete(self) -> bool:
        """A pod at any moment: before it has begun to train, or when it is done."""
        pod = self._chosen(self._world.plain.trials, f"tunelet.dev/experiment={self._name}")
        if pod:
            self._world.api.delete(self._path(pod), "Background")
        return bool(pod)

    def _evict(self) -> bool:
        """A pod while it trains."""
        pod = self._world.book.detain(PATIENCE_SECONDS)
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        self._world.api.create(f"{self._path(pod)}/eviction", eviction)
        return True

    def _restart(self) -> bool:
        server = apiserver.running()
        assert server is not None
        apiserver.restart(server, self._chance.uniform(0, 3), self._world.kubectl)
        return True

    def _send_away(self) -> bool:
        self._world.store.away = True
        time.sleep(AWAY_SECONDS)
        self._world.store.away = False
        return True

    def _path(self, pod: str) -> str:
        return f"/api/v1/namespaces/{self._world.plain.trials}/pods/{pod}"

    def _chosen(self, namespace: str, label: str) -> str | None:
        alive = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
        found = self._world.pods(namespace, label, **alive)
        return self._chance.choice(found) if found else None


@pytest.mark.skipif(apiserver.running() is None, reason="the API server is not on this machine")
@pytest.mark.parametrize("seed", [int(os.environ.get("TUNELET_TEST_SEED", "1"))])
def test_an_experiment_ends_right_whatever_is_killed_meanwhile(world: World, seed: int) -> None:
    name = world.service.submit(request(world.book)).name
    chaos, deadline = Chaos(world, name, seed), time.monotonic() + PATIENCE_SECONDS
    while (experiment := seen(world.service, name)) is None or not experiment.ended:
        assert time.monotonic() < deadline, world.service.experiment(name).json
        chaos.step()
        time.sleep(0.5)
    assert experiment.state == "COMPLETE", experiment.json
    assert not chaos.left, "it ended before all faults had happened"
    trials = list(world.service.trials(name))
    assert [(trial["number"], trial["state"]) for trial in trials] == [
        (number, "COMPLETE") for number in range(TRIALS)
    ]
    for trial in trials:
        assert trial["values"] == {"objective": trial["hyperparameters"]["x"]}
    ran_once(world.book, {trial["number"]: trial["attempt"] for trial in trials})
    leaves_nothing(world, name)


def request(book: Register) -> dict[str, Any]:
    return {
        "model_training_code": {
            "image": "localhost/python:3.11",
            "command": ["bash", "-c", TRAIN.format(sign_in=book.sign_in)],
            "termination_grace_period_seconds": 1,
        },
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": TRIALS,
        "parallel_trials": TOGETHER,
        # A pod may be struck more than once.
        "max_attempts": 10,
        "seed": 1,
    }


def seen(service: Client, name: str) -> Any:
    """The experiment, or None while nobody answers."""
    try:
        return service.experiment(name)
    except TuneletError:
        return None


def ran_once(book: Register, attempts: dict[int, int]) -> None:
    """No attempt trained twice, no two of a trial beside each other, and the last one did train.

    An attempt that was struck before it had signed in never trained.
    """
    assert {attempt: pods for attempt, pods in book.pods.items() if len(pods) > 1} == {}
    assert book.beside == []
    assert book.most <= TOGETHER
    assert set(attempts.items()) <= book.pods.keys()
    assert [each for each in book.pods if each[1] > attempts[each[0]]] == []
    assert sum(last - 1 for last in attempts.values()) >= FAULTS["a training pod is evicted"]


def leaves_nothing(world: World, name: str) -> None:
    assert world.objects(name)
    world.service.delete(name)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := world.objects(name):
        assert time.monotonic() < deadline, left
        ping(f"{world.plain.url}/")
        time.sleep(2)
