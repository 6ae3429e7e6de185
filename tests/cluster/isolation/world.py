"""An installation with two tenants that try to reach each other, and what each of them has."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import urllib3

from benchmarks.harness.installed import Installed, Kubectl
from functions.api.route import Route, paths
from functions.api.routes import ROUTES
from tests.cluster.conftest import Bucket
from tests.contracts.launchers import until
from tests.unit.functions.identity.test_routes import BODIES
from tunelet.client import Client

ROLE = "tunelet-admin"
"""The ClusterRole of each tenant's person, in the tenant's namespace."""
NAME = "digits"
"""The experiment for workers that each tenant has, with one running trial and a dead letter."""
TRAINING = "listening"
"""The experiment that each tenant has with two trials in pods."""
PORT = 8000
"""The port at which these trials listen."""
SECRET = "hunter2"
"""A text in the experiments, the study and the dead letter of each tenant."""

_LISTEN = f"""
import signal, socketserver, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
socketserver.ThreadingTCPServer(("", {PORT}), socketserver.BaseRequestHandler).serve_forever()
"""


class Tenant(NamedTuple):
    name: str
    namespace: str
    """The cluster's namespace of its trials."""
    person: str
    """The token of a ServiceAccount that is an admin of the tenant."""
    trial: str = ""
    """The token of trial 0 of `NAME`."""
    study: str = ""
    letter: str = ""
    """The dead letter that is about `NAME`."""

    def filled(self, path: str) -> str:
        """The path of a route with the names of what the tenant has."""
        named = {"name": NAME, "number": "0", "caller": "a", "asset": "swagger-ui.css"}
        own = {"namespace": self.name, "study": self.study, "letter": self.letter}
        return path.format(**named | own)


class Answer(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]


class World(NamedTuple):
    kubectl: Kubectl
    service: Installed
    bucket: Bucket
    a: Tenant
    b: Tenant

    def ask(self, route: Route, path: str, token: str, subject: str = "") -> Answer:
        """Call the route over the network; `subject` is that of an event."""
        return ask(self.service.url, route, path, token, subject)

    def pods(self, tenant: Tenant) -> list[dict[str, Any]]:
        """The two running pods of `TRAINING`, once there are both."""
        of, running = f"tunelet.dev/experiment={TRAINING}", "--field-selector=status.phase=Running"
        which = ("-n", tenant.namespace, "get", "pods", "-l", of, running, "-o", "json")

        def found() -> list[dict[str, Any]] | None:
            pods: list[dict[str, Any]] = json.loads(self.kubectl(*which))["items"]
            return pods if len(pods) == 2 else None

        return until(found)

    def inside(self, tenant: Tenant, code: str, *arguments: str) -> Any:
        """Run Python in the container that trains; returns the JSON that it prints."""
        name = self.pods(tenant)[0]["metadata"]["name"]
        command = ("python3", "-c", code, *arguments)
        where = ("-n", tenant.namespace, "exec", name, "-c", "training", "--")
        return json.loads(self.kubectl(*where, *command))


def ask(url: str, route: Route, path: str, token: str, subject: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = BODIES.get(route.body or "")
    if route.path == "/events":
        kind = {"ce-type": "dev.tunelet.trial.reported", "ce-subject": subject}
        headers |= {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test", **kind}
        body = BODIES["Reports"]
    headers |= {} if body is None else {"Content-Type": "application/json"}
    query = "?name=m.bin" if path.endswith("/artifact") else ""
    sent = None if body is None else json.dumps(body)
    answer = urllib3.request(
        route.method, url + path + query, body=sent, headers=headers, retries=False, timeout=60
    )
    return Answer(answer.status, answer.data.decode(), dict(answer.headers))


def scoped() -> Iterator[tuple[Route, str]]:
    """Each route of a namespace, with its path below /namespaces."""
    return ((route, paths(route)[-1]) for route in ROUTES if route.scoped)


def submitted(url: str, tenant: Tenant) -> Tenant:
    """Make what a tenant has."""

    def post(path: str, body: object) -> Any:
        answer = urllib3.request(
            "POST",
            f"{url}/api/namespaces/{tenant.name}{path}",
            json=body,
            headers={"Authorization": f"Bearer {tenant.person}"},
            timeout=60,
        )
        assert answer.status == 200, answer.data
        return answer.json()

    space = {"x": {"type": "categorical", "choices": [SECRET, "y"]}}
    usual = {"hyperparameters": space, "hpo_algorithm": "random_search"}
    workers = {"model_training_code": {"workers": True}, "parallel_trials": 2, "max_trials": 10}
    post("/submit_job", {"name": NAME, **usual, **workers})
    training = {
        "image": "localhost/python:3.11",
        "command": ["python3", "-c", _LISTEN],
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}},
    }
    post(
        "/submit_job",
        {"name": TRAINING, **usual, "model_training_code": training, "max_trials": 2},
    )
    asking = {"lease_seconds": 3600}
    (trial,) = until(lambda: post(f"/experiments/{NAME}/trials/ask", asking)["trials"])
    study = post("/studies", {"name": SECRET, "directions": ["minimize"]})
    return tenant._replace(trial=trial["token"], study=str(study["number"]))


def buried(events: str, tenant: Tenant, client: Client) -> str:
    """Send an event about `NAME` that cannot be delivered; returns the dead letter's id."""
    subject = f"{tenant.name}/{NAME}/0/1"
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": f"/{SECRET}"}
    headers |= {"ce-type": "dev.tunelet.trial.completed", "ce-subject": subject}
    # With the trial's token it is certainly about it, and so the letter is the tenant's.
    wrong = {"token": tenant.trial, "values": "none"}
    sent = urllib3.request("POST", f"{events}/", headers=headers, json=wrong, timeout=60)
    assert sent.status == 202

    def found() -> str | None:
        letters = client.dead_letters()
        mine = (each["id"] for each in letters if each["event"].get("subject") == subject)
        return next(mine, None)

    return until(found)
