"""The plain composition as processes: everything in one, several over one log, any order of events.

With local processes as the launcher, so that a clean machine can run it; tests/cluster has the
same on Kubernetes.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import urllib3
from urllib3.util import Retry

from adapters.events.cloudevents import TYPES
from adapters.storage import open_store
from benchmarks.harness.inline import Inline
from benchmarks.harness.process import free_port
from functions.events.handlers import SWEEP
from functions.events.training import EVENTS
from tests.e2e.conftest import one_editor
from tunelet.client import Client

ROOT = Path(__file__).resolve().parents[2]
POOL = urllib3.PoolManager(
    # A 503 asks to come again after a while; it is the answer that these tests are about.
    retries=Retry(
        total=None,
        connect=300,
        backoff_factor=0.05,
        backoff_max=0.2,
        respect_retry_after_header=False,
    )
)
DEPLOYMENT = ("-m", "functions.hosting.deployment")
EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test"}


class Plain:
    """A `python -m functions.hosting.deployment` over the folder's store and runs."""

    def __init__(self, folder: Path, program: Sequence[str] = DEPLOYMENT, **settings: str) -> None:
        port = events = free_port()
        while events == port:
            events = free_port()
        self.url, self.events = (f"http://127.0.0.1:{each}" for each in (port, events))
        self.client = Client(self.url)
        self.log = folder / f"log{port}"
        known = {
            "TUNELET_STORE": (folder / "store").as_uri(),
            "TUNELET_LAUNCHER": (folder / "runs").as_uri().replace("file:", "process:"),
            "TUNELET_SECRET": "a secret of the test",
            "TUNELET_ALIASES": json.dumps({"trainer": f"sh {folder / 'train.sh'}"}),
            "TUNELET_API_URL": self.url,
            "PORT": str(port),
            "EVENTS_PORT": str(events),
        }
        with self.log.open("ab") as log:
            bare = {k: v for k, v in os.environ.items() if not k.startswith("TUNELET_")}
            self.process = subprocess.Popen(
                [sys.executable, *program],
                cwd=ROOT,
                env=bare | known | settings,
                stdout=log,
                stderr=log,
            )

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        return POOL.request("GET", self.url + path)

    def post(self, headers: dict[str, str], body: bytes = b"") -> int:
        return POOL.request("POST", f"{self.events}/", headers=headers, body=body).status

    def ping(self) -> None:
        """As the CronJob does."""
        command = [sys.executable, "-m", "functions.hosting.cron", self.events]
        subprocess.run(command, cwd=ROOT, check=True)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Callable[..., Plain]]:
    (tmp_path / "train.sh").write_text('echo "objective=$TUNELET_TRIAL.5"')
    started: list[Plain] = []

    def start(**settings: str) -> Plain:
        started.append(Plain(tmp_path, **settings))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.close()


REQUEST = {
    "name": "spread",
    "model_training_code": "trainer",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 6,
    "parallel_trials": 2,
}


BROKEN = """
from functions.hosting import deployment
run = deployment.server.run

def failing(bound, function, limit):
    if isinstance(function, deployment.Ingress):
        raise OSError("the port is lost")
    run(bound, function, limit)

deployment.server.run = failing
deployment.main()
"""


def test_a_process_without_its_port_of_events_ends(tmp_path: Path) -> None:
    broken = Plain(tmp_path, ["-c", BROKEN])
    assert broken.process.wait(60) == 0
    assert "the port is lost" in broken.log.read_text()


def test_one_process_runs_an_experiment_without_any_sweep(
    plain: Callable[..., Plain], wait: Callable[[Callable[[], object]], None]
) -> None:
    one = plain()
    assert one.get("/api/ready").status == 200
    one.client.submit(REQUEST)
    wait(lambda: one.client.experiment("spread").ended)
    assert one.client.experiment("spread").state == "COMPLETE"
    assert len(list(one.client.trials("spread", state="COMPLETE"))) == 6


def test_two_pods_share_a_log_and_one_continues_when_the_other_is_killed(
    plain: Callable[..., Plain], wait: Callable[[Callable[[], object]], None]
) -> None:
    first, second = plain(), plain()
    first.client.submit({**REQUEST, "max_trials": 12, "parallel_trials": 3})
    wait(lambda: list(first.client.trials("spread", state="COMPLETE")))
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()

    def ended() -> bool:
        second.ping()
        return second.client.experiment("spread").ended

    wait(ended)
    trials = list(second.client.trials("spread"))
    # What was about to begin when it was killed may have been lost, and begun again.
    assert [(t["number"], t["state"]) for t in trials] == [(n, "COMPLETE") for n in range(12)]


def test_the_next_process_continues_at_once_with_the_work_of_a_dead_one(
    plain: Callable[..., Plain], wait: Callable[[Callable[[], object]], None], tmp_path: Path
) -> None:
    """Where there is nothing to see but the log: no trial has been launched yet."""
    died = Inline(open_store((tmp_path / "store").as_uri()), lambda env: 0.0)
    died.service.submit(REQUEST)
    one = plain()
    wait(lambda: one.client.experiment("spread").ended)
    assert one.client.experiment("spread").state == "COMPLETE"


def test_events_come_in_at_the_path_of_the_broker(plain: Callable[..., Plain]) -> None:
    one = plain()
    assert one.get("/api/health").status == 200
    structured = {"Content-Type": "application/cloudevents+json"}
    poison = {
        "specversion": "1.0",
        "id": "7",
        "source": "/pipeline",
        "type": "dev.tunelet.trial.completed",
        "subject": "default/nothing/0/1",
        "data": {"token": "a key"},
    }
    assert one.post(EVENT | {"ce-type": "dev.knative.sources.ping"}) == 202
    assert one.post(structured, json.dumps(poison).encode()) == 202
    assert one.post({}, b"hello") == 400
    assert POOL.request("GET", one.events).status == 405
    assert POOL.request("POST", f"{one.url}/", headers=EVENT | {"ce-type": "x"}).status == 404
    assert one.post(EVENT | {"ce-type": "x"}, b" " * ((1 << 20) + 1)) == 413
    letters: list[object] = []
    deadline = time.monotonic() + 60
    while not letters:
        assert time.monotonic() < deadline, one.log.read_text()
        letters = list(one.client.dead_letters())
    assert letters[0]["event"]["id"] == "7"  # type: ignore[index]


def test_forged_events_change_nothing_where_an_identity_is_wanted(
    plain: Callable[..., Plain], tmp_path: Path
) -> None:
    """The events' port asks for no identity: who may reach it is the network's to say."""
    known = one_editor(tmp_path)
    one = plain(TUNELET_IDENTITY=str(known.file))
    client = Client(one.url, token=known.token)
    (tmp_path / "train.sh").write_text(
        f'until [ -e {tmp_path / "go"} ]; do sleep 0.1; done; echo "objective=$TUNELET_TRIAL.5"'
    )
    client.submit(REQUEST)
    deadline = time.monotonic() + 60
    while client.experiment("spread").json["counts"]["running"] < 2:
        assert time.monotonic() < deadline, one.log.read_text()
        time.sleep(0.1)
    entries = (tmp_path / "store" / "v1/default/spread/journal").glob
    before = sorted(entries("*"))
    forged = {"values": {"objective": -9.0}, "token": "1." + "0" * 64}
    for kind in (*TYPES.values(), *EVENTS, SWEEP):
        head = EVENT | {"ce-type": kind, "ce-subject": "default/spread/0/1"}
        head["Content-Type"] = "application/json"
        assert one.post(head, json.dumps(forged).encode()) == 202
    while len(list((tmp_path / "store").glob("dead/*"))) < len(EVENTS):
        assert time.monotonic() < deadline, one.log.read_text()
        time.sleep(0.1)
    assert sorted(entries("*")) == before
    (tmp_path / "go").touch()
    ended = client.experiment("spread").wait(timeout=120)
    assert [trial.values for trial in ended.trials] == [
        {"objective": number + 0.5} for number in range(6)
    ]


def test_it_is_not_ready_and_says_why_where_training_cannot_run(
    plain: Callable[..., Plain], tmp_path: Path
) -> None:
    one = plain()
    assert one.get("/api/ready").status == 200
    (tmp_path / "runs").rename(tmp_path / "away")
    answer = one.get("/api/ready")
    assert answer.status == 503
    assert "folder of runs" in answer.json()["detail"]
    assert one.get("/api/health").status == 200


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: nobody, user: {}}]
"""


def test_it_is_not_ready_while_the_cluster_cannot_be_reached(
    plain: Callable[..., Plain], tmp_path: Path
) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(KUBECONFIG)
    one = plain(TUNELET_LAUNCHER="kubernetes://", TUNELET_ALIASES="", KUBECONFIG=str(config))
    answer = one.get("/api/ready")
    assert answer.status == 503
    assert "Kubernetes API does not answer" in answer.json()["detail"]
    assert one.get("/api/health").status == 200


def test_it_is_not_ready_while_the_store_cannot_be_reached(plain: Callable[..., Plain]) -> None:
    one = plain(
        TUNELET_STORE="s3://bucket/prefix",
        AWS_ENDPOINT_URL_S3="http://127.0.0.1:9",
        AWS_ALLOW_HTTP="true",
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
        AWS_REGION="us-east-1",
    )
    answer = one.get("/api/ready")
    assert answer.status == 503
    assert answer.json()["detail"]
    assert one.get("/api/health").status == 200


def test_a_wrong_environment_ends_it_with_all_that_is_wrong(plain: Callable[..., Plain]) -> None:
    one = plain(TUNELET_SECRET="short", TUNELET_STORE="")
    assert one.process.wait(60) == 1
    assert re.search("TUNELET_STORE.*\n.*TUNELET_SECRET", one.log.read_text())


def test_sigterm_ends_it_without_a_trace(plain: Callable[..., Plain]) -> None:
    one = plain()
    assert one.get("/api/health").status == 200
    one.close()
    assert one.process.returncode == 0
    assert "Traceback" not in one.log.read_text()
