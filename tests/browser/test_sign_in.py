"""Signing in at an issuer, in Chromium: what people see, and what other pages must never get."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCRIPT, Open
from tests.browser.test_page import faultless, picture
from tests.e2e.conftest import Up
from tests.serving import serving as served
from tests.unit.functions.identity.issuer import AUDIENCE, Provider, serving
from tunelet.client import Client

pytestmark = pytest.mark.browser


class Place(NamedTuple):
    up: Up
    provider: Provider

    @property
    def url(self) -> str:
        return f"{self.up.url}/"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A service whose people sign in at an issuer; members of team-a edit the namespace vision."""
    with serving(Provider()) as provider:
        issuer = {"url": provider.url, "audiences": [AUDIENCE], "prefix": "ours:"}
        roles = [
            {"role": "editor", "namespaces": ["vision"], "groups": ["ours:team-a"]},
            {"role": "viewer", "namespaces": ["shared"], "groups": ["ours:team-a"]},
        ]
        login = {"issuer": provider.url, "client_id": "cli", "page_client_id": "page"}
        written = {"issuers": [issuer], "roles": roles, "login": login}
        (tmp_path / "identity.json").write_text(json.dumps(written))
        identity = ("--identity", str(tmp_path / "identity.json"))
        up = Up(tmp_path / "data", *identity, "--alias", "train=echo objective=1")
        provider.redirects = {f"{up.url}/"}
        try:
            yield Place(up, provider)
        finally:
            up.close()


def opened(shown: Open, place: Place, address: str = "", **options: Any) -> Page:
    return shown(address, url=place.url, also=place.provider.url, **options)


def signed_in(shown: Open, place: Place, address: str = "#/vision?find=digits") -> Page:
    page = opened(shown, place, address)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    expect(page.locator(".who summary")).to_be_visible()
    return page


def exchanged(provider: Provider) -> list[str]:
    return [form["grant_type"] for form in provider.forms]


def test_a_person_signs_in_and_sees_who_they_are_and_what_they_may_do(
    place: Place, shown: Open
) -> None:
    page = signed_in(shown, place)
    assert page.url == f"{place.url}#/vision?find=digits"
    expect(page.locator(".who summary")).to_have_text("ours:ann")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.locator(".who summary").click()
    expect(page.locator(".who .panel")).to_contain_text("get, list, create, update, delete")
    faultless(page)
    picture(page, "who-1440-light")
    expect(page.get_by_role("link", name="New experiment")).to_be_visible()
    page.evaluate("location.hash = '#/shared'")
    expect(page.get_by_role("link", name="New experiment")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in at 127.0.0.1")).to_be_visible()
    expect(page.locator(".who")).to_have_count(0)


def paused(place: Place) -> None:
    """An experiment that can be changed in every way, with a trial."""
    client = Client(place.up.url, "vision", place.provider.token(groups=["team-a"]))
    space = {"rate": {"type": "float", "min": 0.1, "max": 1}}
    request = {"model_training_code": "train", "hyperparameters": space, "enqueue": [{"rate": 0.5}]}
    client.submit({"name": "mine", "hpo_algorithm": "random_search", "max_trials": 999, **request})
    client.pause("mine")


BUTTONS = {
    "update": ["Resume", "Stop", "Extend", "Note", "Labels"],
    "create": ["Clone", "Propose"],
    "delete": ["Delete"],
}


@pytest.mark.parametrize("verb", BUTTONS)
def test_an_experiment_has_the_buttons_that_a_right_allows(
    place: Place, shown: Open, verb: str
) -> None:
    """As a cluster's RBAC may give it: one right without the others."""
    paused(place)
    page = opened(shown, place, "#/vision/mine?trial=0")
    given = {each: ["get", "list", verb] for each in ("experiments", "trials")}
    page.route("**/rights", lambda route: route.fulfill(json={"rights": given}))
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    expect(page.locator(".head .actions button")).to_have_text(BUTTONS[verb])
    panel = page.get_by_role("complementary")
    expect(panel.get_by_role("heading", name="Repeat it")).to_be_visible()
    like_this = panel.get_by_role("button", name="Propose a trial like this…")
    expect(like_this).to_have_count(1 if verb == "create" else 0)


def test_no_token_is_where_another_page_or_the_history_could_read_it(
    place: Place, shown: Open
) -> None:
    page = signed_in(shown, place)
    kept = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert kept == [0, 0, ""]
    assert page.context.cookies() == []
    assert "code=" not in page.evaluate("document.URL + performance.getEntries().length")
    page.go_back()
    assert "code=" not in page.url
    assert exchanged(place.provider) == ["authorization_code"]


def test_a_token_that_ends_is_renewed_before(place: Place, shown: Open) -> None:
    place.provider.life = 20
    page = signed_in(shown, place)
    expect(page.locator(".who summary")).to_have_text("ours:refreshed")
    assert exchanged(place.provider) == ["authorization_code", "refresh_token"]


def test_a_return_that_was_not_begun_here_signs_nobody_in(place: Place, shown: Open) -> None:
    page = opened(shown, place, "?code=stolen&state=forged")
    expect(page.get_by_role("alert").first).to_contain_text("was not begun in this tab")
    assert page.url == place.url
    expect(page.get_by_role("button", name="Sign in at 127.0.0.1")).to_be_visible()
    assert place.provider.forms == []


def test_a_refusal_is_explained(place: Place, shown: Open) -> None:
    place.provider.denies = True
    page = opened(shown, place)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    expect(page.get_by_role("alert").first).to_contain_text("access_denied")


def test_a_script_in_a_persons_name_is_text(place: Place, shown: Open) -> None:
    place.provider.subject = SCRIPT
    page = signed_in(shown, place)
    expect(page.locator(".who summary")).to_have_text(f"ours:{SCRIPT}")
    page.locator(".who summary").click()
    expect(page.locator(".who .panel")).to_contain_text(SCRIPT)
    assert "owned" not in page.title()
    assert page.locator("header img, header script").count() == 0


EVIL = """<!doctype html><title>evil</title><iframe src="{url}"></iframe><script>
const asked = async (path, options) => {{
  try {{ return (await fetch("{url}" + path, {{credentials: "include", ...options}})).status }}
  catch (fault) {{ return fault.name }}
}};
addEventListener("load", async () => {{
  const read = await asked("api/whoami");
  const changed = await asked("api/login/token", {{method: "POST", body: "{{}}"}});
  const blind = await asked("api/namespaces/vision/experiments", {{mode: "no-cors"}});
  document.title = JSON.stringify([read, changed, blind]);
}});
</script>"""


def test_a_page_of_another_site_gets_nothing_while_a_person_is_signed_in(
    place: Place, shown: Open
) -> None:
    page = signed_in(shown, place)
    text = EVIL.format(url=place.url).encode()

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Evil)) as port:
        other = page.context.new_page()
        statuses: dict[str, int] = {}
        other.on("response", lambda answer: statuses.update({answer.url: answer.status}))
        other.goto(f"http://localhost:{port}/")
        expect(other).to_have_title(re.compile(r"^\["))
        found, frame = json.loads(other.title()), other.frames[1].url
        other.close()
    assert found == ["TypeError", "TypeError", 0]
    assert frame == "chrome-error://chromewebdata/"
    assert statuses[f"{place.url}api/namespaces/vision/experiments"] == 401
    assert exchanged(place.provider) == ["authorization_code"]
    expect(page.locator(".who summary")).to_have_text("ours:ann")
