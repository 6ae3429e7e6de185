"""No route of the API shows a tenant anything of another, over the network and with real tokens.

The routes are those of the table, so that a new one is covered. Each answer about the other tenant
is the same as the one about a tenant that does not exist.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from functions.api.route import Route, paths
from functions.api.routes import ROUTES
from functions.identity.rights import Entry
from tests.cluster.isolation.world import NAME, SECRET, Answer, Tenant, World, scoped

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

ABSENT = "iso-x"
"""A tenant that does not exist, with a name as long as the others'."""
EMPTY = ("/artifact", "/logs")
"""Of these the running trial of a worker has nothing yet."""
SCOPED = list(scoped())
UNSCOPED = [route for route in ROUTES if not route.scoped]


def ids(value: object) -> str | None:
    return f"{value.method} {value.path}" if isinstance(value, Route) else None


def comparable(answer: Answer, *names: str) -> tuple[int, str, dict[str, str]]:
    """The answer without the moment, and without names that the caller has sent."""
    text = answer.text
    for name in names:
        text = text.replace(name, "…")
    return answer.status, text, {k: v for k, v in answer.headers.items() if k.lower() != "date"}


def tokens(world: World) -> Iterator[tuple[str, int, int]]:
    """Each token that A may have, with the status that it gets of B.

    First on routes of people, then on those of trials.
    """
    account = ("-n", world.a.namespace, "create", "token", "default", "--audience=tunelet")
    yield world.a.person, 404, 404
    yield world.kubectl(*account).strip(), 404, 404
    yield world.a.trial, 401, 404
    yield "", 401, 401


def status(route: Route, of_people: int, of_trials: int) -> int:
    """The status of an attempt. Known people may ask for their rights anywhere: they have none."""
    if route.access is Entry.ACTOR and of_people == 404:
        return 200
    return of_trials if route.access is Entry.TRIAL else of_people


@pytest.mark.parametrize(("route", "path"), SCOPED, ids=ids)
def test_the_other_tenant_is_answered_as_an_absent_one(
    world: World, route: Route, path: str
) -> None:
    absent = world.b._replace(name=ABSENT)
    for token, of_people, of_trials in tokens(world):
        expected = status(route, of_people, of_trials)
        there = world.ask(route, world.b.filled(path), token)
        nothing = world.ask(route, absent.filled(path), token)
        assert there.status == expected, there.text
        assert comparable(there, world.b.name) == comparable(nothing, ABSENT)


@pytest.mark.parametrize(("route", "path"), [each for each in SCOPED if each[0].method == "GET"])
def test_the_owner_gets_what_is_there(world: World, route: Route, path: str) -> None:
    """So the tokens are good, and what the attempts name exists."""
    expected = 404 if route.path.endswith(EMPTY) else 200
    for tenant in (world.a, world.b):
        answer = world.ask(route, tenant.filled(path), tenant.person)
        assert answer.status == expected, answer.text


@pytest.mark.parametrize(("route", "path"), SCOPED, ids=ids)
def test_without_a_namespace_in_the_path_no_tenant_is_reached(
    world: World, route: Route, path: str
) -> None:
    answer = world.ask(route, world.b.filled(paths(route)[0]), world.a.person)
    assert answer.status == status(route, 404, 404)
    assert world.b.name not in answer.text


@pytest.mark.parametrize("route", UNSCOPED, ids=ids)
def test_a_route_without_a_namespace_shows_nothing_of_the_other(world: World, route: Route) -> None:
    path = paths(route)[0]
    absent = world.b._replace(name=ABSENT, letter=_another(world.b.letter))
    for token, _, _ in tokens(world):
        subjects = [f"{each.name}/{NAME}/0/1" for each in (world.b, absent)]
        there = world.ask(route, world.b.filled(path), token, subjects[0])
        nothing = world.ask(route, absent.filled(path), token, subjects[1])
        asked = comparable(there, world.b.letter, world.b.name)
        assert asked == comparable(nothing, absent.letter, ABSENT)
        sent = (subjects[0], world.b.letter) if "{letter}" in path else (subjects[0],)
        assert world.b.name not in _without(there.text, sent)
        if "{letter}" in route.path or route.access is Entry.TRIAL:
            assert there.status in (401, 404, 422)


def test_a_body_cannot_name_the_other(world: World) -> None:
    for name in (world.b.name, ABSENT):
        answer = urllib3.request(
            "POST",
            f"{world.service.url}/api/submit_job",
            json={"namespace": name, "model_training_code": "x", "hyperparameters": {}},
            headers={"Authorization": f"Bearer {world.a.person}"},
        )
        assert answer.status == 404


def test_no_attempt_changes_or_shows_anything(world: World) -> None:
    before = seen(world, world.b)
    assert SECRET in before
    for route, path in SCOPED:
        for token, _, _ in tokens(world):
            assert SECRET not in world.ask(route, world.b.filled(path), token).text
    assert seen(world, world.b) == before
    assert world.a.namespace not in before


def seen(world: World, tenant: Tenant) -> str:
    """All that its owner sees of the tenant's things, with who changed them."""
    at, bearer = f"{world.service.url}/api", {"Authorization": f"Bearer {tenant.person}"}
    here = f"{at}/namespaces/{tenant.name}"
    parts = [f"{here}/experiments/{NAME}{part}" for part in ("", "/trials", "/audit")]
    parts += [f"{here}/studies", f"{here}/studies/{tenant.study}/changes", f"{at}/dead-letters"]
    answers: list[Any] = [urllib3.request("GET", each, headers=bearer) for each in parts]
    assert {each.status for each in answers} == {200}
    return "\n".join(each.data.decode() for each in answers)


def _without(text: str, sent: tuple[str, ...]) -> str:
    """The text without what the caller has sent, which an error may repeat."""
    for each in sent:
        text = text.replace(each, "")
    return text


def _another(letter: str) -> str:
    """An id of the same form that no dead letter has, of a tenant that does not exist."""
    head = letter.partition(".")[0]
    return f"{head[:-1]}{'0' if head[-1] != '0' else '1'}.{ABSENT}"
