"""A service that wants a token, in Chromium: the page asks in words for people."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, submit
from tests.browser.test_page import SIZES, look
from tests.browser.test_sign_in import Place, opened, place
from tests.e2e.conftest import Up
from tunelet.client import Client
from tunelet.text.credential import generated, hashed

pytestmark = pytest.mark.browser

__all__ = ["place"]

ADDRESSES = {
    "list": "",
    "experiment": "#/default/some",
    "comparison": "#/default/=?names=some,other",
    "form": "#/default/+",
}
WHERE = "Ask the people who run this service for one."


def identity(file: Path, token: str, name: str = "ann") -> None:
    """Let one person in, who may do everything."""
    known = {"name": name, "sha256": hashed(token)}
    role = {"role": "editor", "namespaces": ["*"], "actors": [f"token:{name}"]}
    file.write_text(json.dumps({"tokens": [known], "roles": [role]}))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("asking")
    identity(folder / "identity.json", generated())
    up = Up(folder / "data", "--identity", str(folder / "identity.json"))
    yield up
    up.close()


def for_people(page: Page) -> None:
    """The page asks once, and neither waits nor speaks of programs."""
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.get_by_role("alert")).to_contain_text(WHERE)
    expect(page.get_by_text("Reading")).to_have_count(0)
    expect(page.locator("table, input[type=search]")).to_have_count(0)
    expect(page.get_by_role("link", name="New experiment")).to_have_count(0)
    said = page.locator("body").inner_text()
    assert re.findall(r"tunelet \w+|TUNELET\w*|Authorization|Bearer|terminal", said) == []


@pytest.mark.parametrize("view", ADDRESSES)
def test_each_view_asks_for_a_token_and_says_where_to_get_one(
    asking: Up, shown: Open, view: str
) -> None:
    page = shown(ADDRESSES[view], url=f"{asking.url}/")
    for_people(page)
    page.get_by_label("Token").fill("another")
    page.get_by_role("button", name="Use the token").click()
    expect(page.get_by_role("alert")).to_contain_text("the token is not one of this service")
    for_people(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_question_fits_and_axe_finds_nothing(
    asking: Up, shown: Open, size: tuple[int, int], scheme: str
) -> None:
    options = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme}
    page = shown(url=f"{asking.url}/", **options)
    for_people(page)
    look(page, f"token-{size[0]}-{scheme}")


def test_a_token_that_has_ended_is_explained_without_a_command(place: Place, shown: Open) -> None:
    page = opened(shown, place, "#/vision")
    page.get_by_label("Token").fill(place.provider.token(exp=time.time() - 3600))
    page.get_by_role("button", name="Use the token").click()
    expect(page.get_by_role("alert")).to_contain_text("the token has expired")
    expect(page.get_by_role("button", name="Sign in at 127.0.0.1")).to_be_visible()
    for_people(page)


def test_a_comparison_asks_once_when_its_token_counts_no_more(tmp_path: Path, shown: Open) -> None:
    first, second = generated(), generated()
    identity(tmp_path / "identity.json", first)
    options = ("--identity", str(tmp_path / "identity.json"), "--alias", "train=echo objective=1")
    up = Up(tmp_path / "data", *options)
    try:
        up.client = Client(up.url, token=first)
        for name in ("some", "other"):
            submit(up, name, max_trials=1)
            up.client.wait(name, timeout=60)
        page = shown(ADDRESSES["comparison"], url=f"{up.url}/")
        page.get_by_label("Token").fill(first)
        page.get_by_role("button", name="Use the token").click()
        expect(page.locator(".bests tbody tr")).to_have_count(2)
        up.kill()
        identity(tmp_path / "identity.json", second, "bob")
        up.start()
        expect(page.locator(".missing")).to_have_count(2)
        expect(page.locator(".missing .asks")).to_have_count(2, timeout=90_000)
        expect(page.locator(".asks:visible")).to_have_count(1)
        page.locator(".asks:visible").get_by_label("Token").fill(second)
        page.get_by_role("button", name="Use the token").click()
        expect(page.locator(".asks")).to_have_count(0)
        expect(page.locator(".bests tbody tr")).to_have_count(2)
    finally:
        up.close()
