"""The schedule of sweeps on a real cluster, with the rights of the functions' accounts."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi
from adapters.schedules.cronjob import CronJob, Options
from adapters.storage.memory import MemoryStore
from functions import wiring
from functions.events.outbox import Nowhere, Outbox
from functions.settings import Settings
from tests.cluster.conftest import AWS, INFRA, Bucket, Kubectl
from tunelet import __version__
from tunelet.errors import Retry
from tunelet.log.arming import Arming
from tunelet.log.markers import Marker, Markers

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

HERE = ("-n", "tunelet")
PATH = "/apis/batch/v1/namespaces/tunelet/cronjobs/tunelet-sweep"
SCHEDULE = "cronjob://tunelet/tunelet-sweep"
ROUNDS = 40
REQUEST = {
    "name": "waits",
    "model_training_code": {"image": "localhost/none:1", "node_selector": {"no": "where"}},
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 1,
}

As = Callable[[str], KubernetesApi]


@pytest.fixture(scope="module")
def settings(
    kubectl: Kubectl, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The parts of the base that need no Knative, and the settings of its functions."""
    given = {
        "TUNELET_STORE": f"{bucket.url}/{uuid4().hex}",
        "TUNELET_LAUNCHER": "kubernetes://?prefix=tunelet-trials-",
        "TUNELET_SECRET": "a secret of the test",
        "TUNELET_SCHEDULE": SCHEDULE,
        **bucket.credentials,
    }
    kubectl("apply", "-k", str(INFRA / "cluster"))
    kubectl("apply", "-f", str(INFRA / "base" / "accounts.yaml"))
    kubectl("apply", "-k", str(INFRA / "trials"))
    kubectl(
        *(*HERE, "create", "secret", "generic", "tunelet"),
        *(f"--from-literal={key}={value}" for key, value in given.items()),
    )
    kubectl(*HERE, "create", "configmap", "tunelet")
    folder = tmp_path_factory.mktemp("schedule")
    written = (INFRA / "base" / "schedule.yaml").read_text()
    image = f"image: dev.local/tunelet:{__version__}"
    (folder / "schedule.yaml").write_text(written.replace("image: tunelet", image))
    kubectl("apply", "-f", str(folder / "schedule.yaml"))
    yield given
    kubectl("delete", "-k", str(INFRA / "trials"), "--timeout=300s")
    # Waited for, since another test may want the namespace again.
    kubectl("delete", "-k", str(INFRA / "cluster"), "--timeout=300s")


@pytest.fixture
def as_account(kubectl: Kubectl, settings: dict[str, str], tmp_path: Path) -> As:
    """The API with the rights of a function's account."""
    admin = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())

    def api(name: str) -> KubernetesApi:
        token = kubectl("create", "token", f"tunelet-{name}", *HERE).strip()
        users = [{"name": each["name"], "user": {"token": token}} for each in admin["users"]]
        config = tmp_path / name
        config.write_text(yaml.safe_dump({**admin, "users": users}))
        return KubernetesApi(access({"KUBECONFIG": str(config)}))

    return api


def present(kubectl: Kubectl) -> str:
    return kubectl(*HERE, "get", "cronjob", "tunelet-sweep", "-o", "jsonpath={.spec.schedule}")


def until(kubectl: Kubectl, schedule: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while present(kubectl) != schedule:
        assert time.monotonic() < deadline, kubectl(*HERE, "get", "pods,jobs,events")
        time.sleep(1)


def test_pods_disarm_it_without_a_live_experiment_and_keep_it_armed_with_one(
    kubectl: Kubectl,
    settings: dict[str, str],
    as_account: As,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    until(kubectl, Options().idle)
    for name in AWS:
        monkeypatch.setenv(name, settings[name])
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    service = wiring.service(Settings.from_env(settings), Outbox(Nowhere()))
    service.submit(REQUEST)
    assert present(kubectl) == Options().armed
    swept = kubectl(*HERE, "get", "jobs", "-o", "name").split()
    deadline = time.monotonic() + 150
    while kubectl(*HERE, "get", "jobs", "-o", "name").split() == swept:
        assert time.monotonic() < deadline
        time.sleep(1)
    [*_, newest] = kubectl(
        *(*HERE, "get", "jobs", "-o", "name", "--sort-by=.metadata.creationTimestamp")
    ).split()
    kubectl(*HERE, "wait", newest, "--for=condition=complete", "--timeout=120s")
    assert "swept 1 live experiments" in kubectl(*HERE, "logs", newest)
    assert present(kubectl) == Options().armed
    assert service.experiment("default", "waits").live  # the sweep launched what no event did
    service.delete("default", "waits")


def test_an_account_may_change_this_schedule_and_no_other(
    kubectl: Kubectl, as_account: As, settings: dict[str, str]
) -> None:
    for name in ("api", "sweep"):
        schedule = CronJob(PATH, Options(), as_account(name))
        schedule.arm(time.time())
        assert schedule.look().active
    own = as_account("api")
    body = json.loads(kubectl(*HERE, "get", "cronjob", "tunelet-sweep", "-o", "json"))
    other = {"metadata": {"name": "other", "namespace": "tunelet"}, "spec": body["spec"]}
    copy = {"apiVersion": "batch/v1", "kind": "CronJob", **other}
    with pytest.raises(Exception, match="does not allow it"):
        own.create(PATH.rpartition("/")[0], copy)
    for function in ("launch", "complete", "suggest", "deadletter"):
        with pytest.raises(Retry, match="cannot be used: the cluster does not allow it"):
            CronJob(PATH, Options(), as_account(function)).arm(time.time())
    with pytest.raises(Retry, match="the cluster does not allow it"):
        CronJob(PATH.replace("tunelet-sweep", "other"), Options(), own).look()
    with pytest.raises(Exception, match="does not allow it"):
        own.delete(PATH, "Background")


def test_an_absent_schedule_is_a_fault_that_names_it(settings: dict[str, str]) -> None:
    absent = CronJob(PATH.replace("sweep", "absent"), Options(), KubernetesApi(access()))
    with pytest.raises(Retry, match=r"cronjobs/tunelet-absent, cannot be used"):
        absent.arm(time.time())
    with pytest.raises(Retry, match="there is none"):
        absent.look()


def test_a_disarming_that_races_with_an_arming_never_wins_over_a_marker(
    settings: dict[str, str], as_account: As
) -> None:
    """The first schedule is the submitter's, the second the sweep's; each order comes up."""
    one = CronJob(PATH, Options(), as_account("api"))
    other = CronJob(PATH, Options(), as_account("sweep"))
    won = set()
    for number in range(ROUNDS):
        store, now = MemoryStore(), time.time()
        markers = Markers(store, time.time, Arming(one, time.time))
        begin = threading.Thread(target=markers.set, args=(Marker("n", "e", "u", 0),))
        seen = other.look()
        idle = next(store.list("live/"), None) is None
        begin.start()
        time.sleep(random.uniform(0, 0.01))
        won.add(other.disarm(seen) if idle else None)
        begin.join()
        assert one.look().active, number
        assert (one.look().at or 0) >= now
    assert won == {True, False}
