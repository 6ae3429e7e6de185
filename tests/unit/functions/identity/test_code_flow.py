"""The page's sign-in through the service, at an issuer over HTTP."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3
from werkzeug.test import Client

from functions.identity.code_flow import AT_ONCE, KEPT, CodeFlow, _seconds
from functions.identity.config import parse
from functions.identity.configured import configured
from functions.problem import Refused
from tests.unit.functions.conftest import World
from tests.unit.functions.identity.issuer import AUDIENCE, Provider, serving
from tunelet.errors import Retry

BACK = "https://tunelet.example/tools/"
VERIFIER = "v" * 43
SECRETS = (VERIFIER, "the-refresh-token", "another-refresh-token")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as provider:
        provider.redirects = {BACK}
        yield provider


def login(provider: Provider) -> dict[str, str]:
    usual = {"client_id": "cli", "scope": "openid", "audience": "", "token": "access_token"}
    return {"issuer": provider.url, **usual, "page_client_id": "page"}


@pytest.fixture
def api(provider: Provider) -> Client:
    issuer = {"url": provider.url, "audiences": [AUDIENCE], "prefix": "ours:"}
    roles = [{"role": "editor", "namespaces": ["vision"], "groups": ["ours:team-a"]}]
    written = {"issuers": [issuer], "roles": roles, "login": login(provider)}
    return World().client("api", configured(parse(written)))


def code(provider: Provider, settings: dict[str, Any]) -> str:
    """A code of the issuer, to which the page has sent the browser."""
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": settings["client_id"],
        "redirect_uri": BACK,
        "state": "s",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    url = f"{settings['authorization_endpoint']}?{urlencode(asked)}"
    sent = urllib3.request("GET", url, redirect=False)
    assert sent.status == 302
    return parse_qs(urlsplit(sent.headers["Location"]).query)["code"][0]


def exchange(api: Client, code: str, **changed: str) -> Any:
    body = {"code": code, "code_verifier": VERIFIER, "redirect_uri": BACK} | changed
    return api.post("/api/login/token", json=body)


def test_a_code_becomes_a_token_that_says_who_one_is_and_what_one_may_do(
    provider: Provider, api: Client
) -> None:
    settings = api.get("/api/login/page").json
    assert settings == {
        "authorization_endpoint": f"{provider.url}/authorize",
        "client_id": "page",
        "scope": "openid",
        "audience": "",
    }
    answer = exchange(api, code(provider, settings))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.json["refresh_token"] == "the-refresh-token"
    headers = {"Authorization": f"Bearer {answer.json['token']}"}
    assert api.get("/api/whoami", headers=headers).json["name"] == "ours:ann"
    own = api.get("/api/namespaces/vision/rights", headers=headers).json["rights"]
    assert own["experiments"] == ["get", "list", "create", "update", "delete"]
    assert own["deadletters"] == ["get", "list"]
    other = api.get("/api/rights", headers=headers).json["rights"]
    assert other == {"experiments": [], "trials": [], "deadletters": []}


def test_a_code_counts_once_with_its_verifier_and_address_only(
    provider: Provider, api: Client
) -> None:
    settings = api.get("/api/login/page").json
    for changed in ({"code_verifier": "w" * 43}, {"redirect_uri": "https://evil.example/"}):
        refused = exchange(api, code(provider, settings), **changed)
        assert refused.status_code == 403
        assert "invalid_grant" in refused.json["detail"]
    used = code(provider, settings)
    assert [exchange(api, used).status_code for _ in range(2)] == [200, 403]


def test_a_sign_in_is_renewed_until_the_issuer_ends_it(provider: Provider, api: Client) -> None:
    renewed = api.post("/api/login/token", json={"refresh_token": "the-refresh-token"})
    headers = {"Authorization": f"Bearer {renewed.json['token']}"}
    assert api.get("/api/whoami", headers=headers).json["name"] == "ours:refreshed"
    ended = api.post("/api/login/token", json={"refresh_token": "another-refresh-token"})
    assert ended.status_code == 403
    assert provider.forms[-1]["client_id"] == "page"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"code": "c", "code_verifier": VERIFIER},
        {"code": "c", "code_verifier": VERIFIER, "redirect_uri": 5},
        {"refresh_token": "the-refresh-token" * 1000},
        {"refresh_token": "the-refresh-token", "code_verifier": VERIFIER},
    ],
)
def test_a_wrong_body_is_refused_and_never_shown(
    api: Client, provider: Provider, body: Any
) -> None:
    answer = api.post("/api/login/token", json=body)
    assert answer.status_code == 422
    assert answer.json["errors"]
    assert not any(secret in answer.text for secret in SECRETS)
    assert provider.forms == []


def test_an_issuer_that_does_not_answer_is_503_and_names_no_address(
    provider: Provider, api: Client
) -> None:
    provider.down = True
    for answer in (api.get("/api/login/page"), exchange(api, "c")):
        assert answer.status_code == 503
        assert provider.url not in answer.text
        assert VERIFIER not in answer.text


def test_the_issuers_addresses_are_asked_for_once_in_some_minutes(provider: Provider) -> None:
    now = [0.0]
    flow = CodeFlow(login(provider), clock=lambda: now[0])
    flow.settings()
    flow.settings()
    assert len(provider.paths) == 1
    now[0] = KEPT
    flow.settings()
    assert len(provider.paths) == 2


def test_addresses_of_another_issuer_do_not_count(provider: Provider) -> None:
    provider.discovered_issuer = "https://another.example"
    with pytest.raises(Refused, match="no sign-in in a browser"):
        CodeFlow(login(provider)).settings()


def test_requests_to_the_issuer_are_few_at_a_time(provider: Provider) -> None:
    flow = CodeFlow(login(provider))
    for _ in range(AT_ONCE):
        flow._free.acquire()
    with pytest.raises(Retry, match="many people"):
        flow.settings()
    assert provider.paths == []


def test_a_service_without_an_issuer_says_how_to_sign_in() -> None:
    api = World().client("api")
    for answer in (api.get("/api/login/page"), exchange(api, "c")):
        assert answer.status_code == 404
        assert "gives out tokens" in answer.json["detail"]
    rights = api.get("/api/rights").json["rights"]
    assert rights["experiments"] == ["get", "list", "create", "update", "delete"]


@pytest.mark.parametrize("said", [None, "soon", 0, -5, float("nan"), float("inf"), 10**400])
def test_a_life_that_is_none_counts_as_one_that_is_not_said(said: object) -> None:
    assert _seconds(said) == 300
    assert _seconds(20.5) == 20
