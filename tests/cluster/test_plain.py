"""The plain overlay as a user installs it, with real pods and an S3 server as the store."""

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.cluster.conftest import INFRA, Bucket, Kubectl, overlay
from tunelet.client import Client
from tunelet.errors import TuneletError

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

HERE = ("-n", "tunelet")
TRIALS = "tunelet-trials-default"
TRAIN = """
import sys, time
given = dict(word[2:].split("=") for word in sys.argv[1:])
for step in (1, 2, 3):
    print(f"step={step} objective={float(given['learning_rate']) / step}", flush=True)
    time.sleep(0.5)
"""
SMALLEST = {
    "model_training_code": {
        "image": "localhost/python:3.11",
        "command": ["python3", "-c", TRAIN],
    },
    "hyperparameters": {
        "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
        "batch_size": {"type": "int", "min": 32, "max": 128},
    },
    "hpo_algorithm": "random_search",
}


@pytest.fixture(scope="module")
def service(
    kubectl: Kubectl, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """The overlay installed, and a client of its Service."""
    folder = overlay(
        tmp_path_factory.mktemp("overlay"),
        resources=["overlays/plain"],
        configMapGenerator=[
            {
                "name": "tunelet",
                "namespace": "tunelet",
                "behavior": "merge",
                "literals": [f"TUNELET_STORE={bucket.url}"],
            }
        ],
        secretGenerator=[
            _secret("tunelet", TUNELET_SECRET="a secret of the test"),
            _secret("tunelet-store", **bucket.credentials),
        ],
    )
    kubectl("apply", "-k", str(folder))
    kubectl(*HERE, "rollout", "status", "deployment/tunelet", "--timeout=300s")
    address = kubectl(*HERE, "get", "service", "tunelet", "-o", "jsonpath={.spec.clusterIP}")
    yield Client(f"http://{address}", timeout=60)
    # Waited for, since another test may want the namespace again.
    kubectl("delete", "-k", str(folder), "--timeout=300s")


def _secret(name: str, **literals: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": "tunelet",
        "literals": [f"{key}={value}" for key, value in literals.items()],
    }


def _schedule(kubectl: Kubectl) -> str:
    return kubectl(*HERE, "get", "cronjob", "tunelet-sweep", "-o", "jsonpath={.spec.schedule}")


def _pods(kubectl: Kubectl) -> list[str]:
    """The pods that serve."""
    which = ("-l", "app.kubernetes.io/name=tunelet", "-o", "name")
    return kubectl(*HERE, "get", "pods", *which).split()


def test_the_cluster_takes_every_manifest_strictly(kubectl: Kubectl) -> None:
    kubectl("apply", "-k", str(INFRA / "trials"), "--validate=strict")
    for name in ("overlays/plain", "overlays/dev"):
        kubectl("apply", "-k", str(INFRA / name), "--dry-run=client", "--validate=strict")


def test_the_schedule_pauses_without_a_live_experiment_and_a_submit_arms_it(
    kubectl: Kubectl, service: Client
) -> None:
    deadline = time.monotonic() + 150
    while _schedule(kubectl) == "* * * * *":
        assert time.monotonic() < deadline, kubectl(*HERE, "get", "jobs,pods")
        time.sleep(1)
    name = service.submit(SMALLEST | {"max_trials": 1}).name
    assert _schedule(kubectl) == "* * * * *"
    service.delete(name)


def test_an_experiment_of_real_pods_ends_though_function_pods_are_killed(
    kubectl: Kubectl, service: Client
) -> None:
    name = service.submit(SMALLEST).name
    deadline, killed, chance = time.monotonic() + 900, 0, random.Random(1)
    logs = (*HERE, "logs", "-l", "app.kubernetes.io/name=tunelet", "--tail=50")
    while True:
        assert time.monotonic() < deadline, kubectl(*logs)
        try:
            experiment = service.experiment(name)
        except TuneletError:
            continue  # No pod serves just now.
        if experiment.ended:
            break
        if killed < 3 and len(list(service.trials(name, state="COMPLETE"))) > 3 * killed:
            victim = chance.choice(_pods(kubectl))
            kubectl(*HERE, "delete", victim, "--grace-period=0", "--force", "--wait=false")
            killed += 1
        time.sleep(2)
    assert experiment.state == "COMPLETE", experiment.json
    assert killed == 3
    trials = list(service.trials(name))
    assert [(t["number"], t["state"], t["attempt"]) for t in trials] == [
        (number, "COMPLETE", 1) for number in range(20)
    ]
    for trial in trials:
        assert trial["values"]["objective"] == pytest.approx(
            trial["hyperparameters"]["learning_rate"] / 3
        )
    assert "does not allow it" not in kubectl(*logs[:-1], "--tail=-1")
    jobs = json.loads(
        kubectl("get", "jobs", "-n", TRIALS, "-l", f"tunelet.dev/experiment={name}", "-o", "json")
    )["items"]
    assert sorted(int(job["metadata"]["labels"]["tunelet.dev/trial"]) for job in jobs) == list(
        range(20)
    )


def test_the_schedule_sweeps_through_the_service(kubectl: Kubectl, service: Client) -> None:
    kubectl(*HERE, "create", "job", "by-hand", "--from=cronjob/tunelet-sweep")
    kubectl(*HERE, "wait", "--for=condition=complete", "job/by-hand", "--timeout=120s")
    kubectl(*HERE, "delete", "job", "by-hand")


def test_an_undeliverable_event_can_be_shown_and_replayed(service: Client) -> None:
    event = {
        "ce-specversion": "1.0",
        "ce-id": "7",
        "ce-source": "/pipeline",
        "ce-type": "dev.tunelet.trial.completed",
        "ce-subject": "default/nothing/0/1",
    }
    assert urllib3.request("POST", f"{service.url}:8081/", headers=event).status == 202
    deadline = time.monotonic() + 60
    while not (found := list(service.dead_letters())):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found[0]["event"]["id"] == "7"
    service.replay(found[0]["id"])
