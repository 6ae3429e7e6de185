"""The callers that a service on a user's own machine accepts."""

from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from functions.hosting.host_check import guarded


def client(bound: str = "127.0.0.1", *allowed: str) -> Client:
    return Client(Request.application(guarded(lambda _: Response("in"), bound, allowed)))


def status(host: str, served: Client, method: str = "GET", **headers: str) -> int:
    answer: Any = served.open("/", method=method, headers={"Host": host, **headers})
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json"
    return int(answer.status_code)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080"])
def test_this_machines_own_names_are_let_in(host: str) -> None:
    assert status(host, client()) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1", "", "["]
)
def test_another_name_is_not(host: str) -> None:
    assert status(host, client()) == 421
    assert status(host, client(), "POST") == 421


def test_the_bound_address_and_allowed_hosts_are_accepted() -> None:
    assert status("10.0.0.1:80", client("10.0.0.1")) == 200
    assert status("box.lan", client("10.0.0.1", "Box.lan")) == 200
    assert status("10.0.0.2", client("0.0.0.0")) == 200
    assert status("box.lan", client("0.0.0.0")) == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:3000", "http://[", ""]
)
def test_a_page_of_another_origin_may_look_but_not_change(origin: str) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        assert status("localhost:8080", client(), method, Origin=origin) == 403
    assert status("localhost:8080", client(), "GET", Origin=origin) == 200


def test_its_own_pages_may_change_things() -> None:
    assert status("localhost:8080", client(), "POST", Origin="http://localhost:8080") == 200
    assert status("[::1]:8080", client(), "POST", Origin="http://[::1]:8080") == 200
    assert status("localhost:8080", client(), "POST") == 200


@pytest.mark.parametrize(
    ("site", "expected"),
    [("same-origin", 200), ("same-site", 403), ("cross-site", 403), ("none", 403), ("", 403)],
)
def test_behind_a_proxy_the_browser_tells_whose_page_it_is(site: str, expected: int) -> None:
    headers = {"Origin": "https://tools.example", "Sec-Fetch-Site": site}
    answer: Any = client().post("/", headers={"Host": "localhost:8080", **headers})
    assert answer.status_code == expected
    # The name by which it is called still has to be one of this machine's.
    assert client().post("/", headers={"Host": "evil.example", **headers}).status_code == 421
