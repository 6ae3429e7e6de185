"""What training code has in its pod, and what it reaches of another tenant with it."""

import json
from typing import Any

import pytest
import urllib3

from adapters.storage import open_store
from functions.api.route import Route
from functions.identity.rights import Entry
from tests.cluster.conftest import AWS
from tests.cluster.isolation.test_routes import ABSENT, comparable
from tests.cluster.isolation.world import NAME, SECRET, TRAINING, Answer, World, scoped
from tests.unit.functions.identity.test_routes import BODIES

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

VERBS = ("GET", "HEAD", "PUT", "DELETE")
_HELD = """
import json, os, pathlib
found = []
for folder in ("/var/run/secrets", "/run/secrets"):
    found += [str(each) for each in pathlib.Path(folder).rglob("*") if each.is_file()]
print(json.dumps({"env": dict(os.environ), "files": found}))
"""
_CALL = """
import json, os, sys, urllib.error, urllib.request
answers = []
for method, path, body in json.loads(sys.argv[1]):
    headers = {"Authorization": "Bearer " + os.environ["TUNELET_TRIAL_TOKEN"]}
    data = None
    if body is not None:
        headers["Content-Type"], data = "application/json", json.dumps(body).encode()
    url = os.environ["TUNELET_API_URL"] + path
    asked = urllib.request.Request(url, data, headers, method=method)
    try:
        answer = urllib.request.urlopen(asked, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    answers.append([answer.status, answer.read().decode(), dict(answer.headers)])
print(json.dumps(answers))
"""


def test_a_training_has_its_trials_token_and_no_other_credential(world: World) -> None:
    held = world.inside(world.a, _HELD)
    tokens = {name: value for name, value in held["env"].items() if "TOKEN" in name}
    assert list(tokens) == ["TUNELET_TRIAL_TOKEN"]
    assert held["files"] == []
    assert not set(held["env"]) & {*AWS[1:3], "TUNELET_SECRET", "TUNELET_STORE"}


def test_its_token_reports_for_its_own_trial_only(world: World) -> None:
    """From inside the pod, by the address that the training is given."""
    number = int(world.inside(world.a, _HELD)["env"]["TUNELET_TRIAL"])
    ends = [route for route, _ in scoped() if route.access is Entry.TRIAL]
    for tenant in (world.a, world.b):
        others = [each for each in (0, 1) if tenant is world.b or each != number]
        for route in ends:
            body = BODIES[route.body or ""]
            paths = [
                f"/api/namespaces/{tenant.name}/experiments/{name}/trials/{each}"
                for name, numbers in ((TRAINING, others), (NAME, [0]))
                for each in numbers
            ]
            part = route.path.rpartition("/")[2]
            asked = [[route.method, f"{path}/{part}", body] for path in paths]
            answers = world.inside(world.a, _CALL, json.dumps(asked))
            assert {status for status, _, _ in answers} == {404}, answers
    own = f"/api/namespaces/{world.a.name}/experiments/{TRAINING}/trials/{number}/reports"
    ((status, _, _),) = world.inside(world.a, _CALL, json.dumps([["POST", own, BODIES["Reports"]]]))
    assert status == 200


def test_no_route_shows_it_anything_of_the_other_tenant(world: World) -> None:
    absent = world.b._replace(name=ABSENT)
    routes = [route for route, _ in scoped()]
    asked: list[list[Any]] = []
    for tenant in (world.b, absent):
        for route, path in scoped():
            query = "?name=m.bin" if path.endswith("/artifact") else ""
            asked.append([route.method, tenant.filled(path) + query, _body(route)])
    answers = world.inside(world.a, _CALL, json.dumps(asked))
    there, nothing = answers[: len(routes)], answers[len(routes) :]
    for route, answer, other in zip(routes, there, nothing, strict=True):
        assert answer[0] == (404 if route.access is Entry.TRIAL else 401), (route, answer)
        seen = comparable(Answer(*answer), world.b.name)
        assert seen == comparable(Answer(*other), ABSENT)
        assert SECRET not in answer[1]


def _body(route: Route) -> Any:
    return BODIES.get(route.body or "")


def test_the_store_shows_nothing_without_its_credentials(world: World) -> None:
    """Objects have no other protection, and training code has no credentials."""
    url, prefix = world.bucket.url, f"v1/{world.b.name}/"
    key = next(open_store(url).list(prefix))
    name, _, root = url.removeprefix("s3://").partition("/")
    at = f"{world.bucket.credentials[AWS[0]]}/{name}"
    listing = ("GET", f"{at}?list-type=2&prefix={root}/{prefix}")
    for method, path in (listing, *((each, f"{at}/{root}/{key}") for each in VERBS)):
        answer = urllib3.request(method, path, retries=False)
        assert answer.status == 403, (method, path)
        assert NAME not in answer.data.decode().replace(key, "")
