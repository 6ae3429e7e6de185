"""Who a token is of, and what it allows, by a cluster's API over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.launchers.kubernetes.access import Access
from adapters.launchers.kubernetes.api import KubernetesApi
from functions.identity.actor import Actor
from functions.identity.authentication import Authentication
from functions.identity.config import load
from functions.identity.gate import Gate
from functions.identity.kubernetes import (
    DECISIONS_KEPT,
    GROUP,
    TOKENS_KEPT,
    UNKNOWN_KEPT,
    AccessReviews,
    TokenReviews,
)
from functions.identity.rights import EVERYWHERE, Resource, Right, Verb
from functions.identity.roles import RIGHTS, Role
from functions.identity.static_tokens import StaticTokens
from functions.problem import Refused
from tests.unit.functions.conftest import World
from tests.unit.functions.identity.test_credentials import Hours
from tunelet.core.failures import BURST
from tunelet.errors import Retry, Throttled

INFRA = Path(__file__).resolve().parents[4] / "infra" / "knative" / "identity"
ANN = Actor("ann", ("team",))
SEE = (Verb.GET, "a", Resource.EXPERIMENTS)


class Cluster:
    """Answers reviews by tables, and keeps the questions."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.audiences: list[str] = ["tunelet"]
        self.allowed: set[tuple[str, str, str]] = set()
        self.asked: list[dict[str, Any]] = []
        self.status = 201

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        spec = body["spec"]
        if path == "/apis/authentication.k8s.io/v1/tokenreviews":
            user = self.users.get(spec["token"])
            if user is None:
                return {"status": {"error": "unknown"}}
            return {"status": {"authenticated": True, "user": user, "audiences": self.audiences}}
        assert path == "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        wanted = spec["resourceAttributes"]
        key = (spec["user"], wanted["verb"], wanted["namespace"])
        return {"status": {"allowed": key in self.allowed}}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubernetesApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(cluster.status, cluster.answer(self.path, body))

        def do_GET(self) -> None:
            self._send(200, {})

        def _send(self, status: int, document: Any) -> None:
            raw = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield KubernetesApi(Access(f"http://127.0.0.1:{server.server_address[1]}", lambda: None))
        server.shutdown()
        thread.join()


def test_a_token_is_of_the_user_that_the_cluster_names(
    cluster: Cluster, api: KubernetesApi
) -> None:
    clock = Hours()
    reviews = TokenReviews(api, ("tunelet",), clock)
    cluster.users["t"] = {"username": "system:serviceaccount:a:b", "groups": ["g"]}
    for _ in range(2):
        assert reviews.actor("t") == Actor("system:serviceaccount:a:b", ("g",), "kubernetes")
    assert cluster.asked[0]["spec"] == {"token": "t", "audiences": ["tunelet"]}
    assert len(cluster.asked) == 1
    cluster.users.clear()
    clock.now += TOKENS_KEPT
    with pytest.raises(Refused, match="is not known to the cluster"):
        reviews.actor("t")


def test_an_unknown_token_is_asked_for_once_in_a_while(
    cluster: Cluster, api: KubernetesApi
) -> None:
    clock = Hours()
    reviews = TokenReviews(api, ("tunelet",), clock)
    for _ in range(3):
        with pytest.raises(Refused, match="is not known to the cluster"):
            reviews.actor("t")
    assert len(cluster.asked) == 1
    cluster.users["t"] = {"username": "ann"}
    clock.now += UNKNOWN_KEPT
    assert reviews.actor("t").name == "ann"


def test_a_flood_of_unknown_tokens_does_not_reach_the_cluster(
    cluster: Cluster, api: KubernetesApi
) -> None:
    clock = Hours()
    reviews = TokenReviews(api, ("tunelet",), clock)
    cluster.users["known"] = cluster.users["new"] = {"username": "ann"}
    reviews.actor("known")
    for number in range(BURST + 1):
        with pytest.raises(Refused):
            reviews.actor(f"guess{number}")
    asked = len(cluster.asked)
    with pytest.raises(Throttled) as refusal:
        reviews.actor("guess")
    with pytest.raises(Throttled):
        reviews.actor("new")
    assert len(cluster.asked) == asked
    assert reviews.actor("known").name == "ann"
    assert refusal.value.after is not None
    clock.now += refusal.value.after
    assert reviews.actor("new").name == "ann"


@pytest.mark.parametrize("audiences", [[], ["https://kubernetes.default.svc"]])
def test_a_token_for_another_audience_is_refused(
    cluster: Cluster, api: KubernetesApi, audiences: list[str]
) -> None:
    cluster.users["t"] = {"username": "ann"}
    cluster.audiences = audiences
    with pytest.raises(Refused, match="another audience"):
        TokenReviews(api, ("tunelet",)).actor("t")


def test_the_clusters_rights_are_asked_for_and_kept_briefly(
    cluster: Cluster, api: KubernetesApi
) -> None:
    clock = Hours()
    reviews = AccessReviews(api, "trials-", clock)
    cluster.allowed.add(("ann", "get", "trials-a"))
    assert reviews.allows(ANN, *SEE)
    assert not reviews.allows(ANN, Verb.DELETE, "a", Resource.EXPERIMENTS)
    assert not reviews.allows(Actor("bob"), *SEE)
    assert cluster.asked[0]["spec"] == {
        "user": "ann",
        "groups": ["team"],
        "resourceAttributes": {
            "namespace": "trials-a",
            "verb": "get",
            "group": "tunelet.dev",
            "resource": "experiments",
        },
    }
    cluster.allowed.clear()
    assert reviews.allows(ANN, *SEE)
    clock.now += DECISIONS_KEPT
    assert not reviews.allows(ANN, *SEE)


def test_a_right_everywhere_is_one_of_the_whole_cluster(
    cluster: Cluster, api: KubernetesApi
) -> None:
    AccessReviews(api, "trials-").allows(ANN, Verb.GET, EVERYWHERE, Resource.DEAD_LETTERS)
    assert cluster.asked[0]["spec"]["resourceAttributes"]["namespace"] == ""


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_cluster_that_does_not_answer_decides_nothing(
    cluster: Cluster, api: KubernetesApi, status: int
) -> None:
    cluster.status = status
    with pytest.raises(Retry):
        AccessReviews(api).allows(ANN, *SEE)
    with pytest.raises(Retry):
        TokenReviews(api, ("tunelet",)).actor("t")


def test_the_api_answers_by_the_clusters_rights(
    world: World, cluster: Cluster, api: KubernetesApi
) -> None:
    known = Authentication(StaticTokens([]), {}, None, TokenReviews(api, ("tunelet",)))
    caller = world.client("api", Gate(known.actor, AccessReviews(api)))
    world.running(namespace="a")
    cluster.users["t"] = {"username": "ann"}
    cluster.allowed.add(("ann", "get", "a"))
    path, headers = "/api/namespaces/{}/experiments/digits", {"Authorization": "Bearer t"}
    assert caller.get(path.format("a"), headers=headers).status_code == 200
    assert caller.delete(path.format("a"), headers=headers).status_code == 403
    assert caller.get(path.format("b"), headers=headers).status_code == 404
    assert caller.get(path.format("a"), headers={"Authorization": "Bearer u"}).status_code == 401
    cluster.status = 500
    answer = caller.get(path.format("c"), headers=headers)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_the_cluster_roles_give_the_rights_of_the_static_roles() -> None:
    """The aggregation labels put them into the cluster's own roles view, edit and admin."""
    given: dict[str, set[Right]] = {"view": set(), "edit": set(), "admin": set()}
    for role in yaml.safe_load_all((INFRA / "roles.yaml").read_text()):
        for name, rights in given.items():
            label = f"rbac.authorization.k8s.io/aggregate-to-{name}"
            if role["metadata"]["labels"].get(label) == "true":
                rights |= {right for rule in role["rules"] for right in _rights(rule)}
    assert given["view"] == RIGHTS[Role.VIEWER]
    assert given["edit"] == RIGHTS[Role.EDITOR]
    assert given["admin"] == RIGHTS[Role.ADMIN]


def _rights(rule: dict[str, list[str]]) -> Iterator[Right]:
    assert rule["apiGroups"] == [GROUP]
    for verb in rule["verbs"]:
        yield from (Right(Verb(verb), Resource(each)) for each in rule["resources"])


def test_the_configuration_of_the_manifests_is_valid() -> None:
    assert load(str(INFRA / "identity.yaml")).kubernetes is not None
