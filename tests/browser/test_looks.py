"""Each view beside a picture of how it should look: colours and layout, not single pixels.

The data is a report of real searches, kept in `looks/`, so that times and values never change. A
picture is made small, which evens out the edges of letters and lines. TUNELET_TEST_LOOKS=write
writes the pictures anew: look at them before they are committed. What differs is kept in
`dist/looks`, beside the whole picture.
"""

import gzip
import json
import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from functions.page.report import report
from tests.browser.conftest import Open
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

LOOKS = Path(__file__).resolve().parent / "looks"
DIFFERENT = Path(__file__).resolve().parents[2] / "dist" / "looks"
SHRUNK = 8
"""Pixels of the page, in each direction, for one of the picture."""
LEAST = 8
"""Of 255: by how much a colour differs so that it counts."""
MOST_PIXELS = 0.0005
"""The share of the pixels that may differ."""
DESK, PHONE = (1440, 900), (360, 740)

_REPORTED = {
    **{
        view: f"#/default/digits?view={view}"
        for view in ("history", "parallel", "slices", "scatter", "curves", "importance", "timeline")
    },
    "front": "#/default/digits-small?view=front",
    "trial": "#/default/digits?trial=7",
    "compare": "#/default/=?names=digits,digits-random&log=1",
}

_SHRINK = """async ([data, share]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${data}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.floor(image.width / share);
  canvas.height = Math.floor(image.height / share);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png").split(",")[1];
}"""

_COMPARE = """async ([given, expected, least]) => {
  const pixels = async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  };
  const [a, b] = [await pixels(given), await pixels(expected)];
  if (a.width !== b.width || a.height !== b.height) return [1, given];
  let many = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    const far = [0, 1, 2].some((part) => Math.abs(a.data[at + part] - b.data[at + part]) > least);
    if (far) many += 1;
    const shown = far ? [220, 0, 90] : [0, 1, 2].map((part) => 190 + b.data[at + part] / 4);
    shown.forEach((value, part) => (a.data[at + part] = value));
  }
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [a.width, a.height];
  canvas.getContext("2d").putImageData(a, 0, 0);
  return [many / (a.width * a.height), canvas.toDataURL("image/png").split(",")[1]];
}"""

_FONT = """() => {
  const context = document.createElement("canvas").getContext("2d");
  const width = (font) => {
    context.font = `40px ${font}`;
    return context.measureText("The quick brown fox 0123").width;
  };
  return width("system-ui") === width("'DejaVu Sans'") && width("'DejaVu Sans'") !== width("serif");
}"""


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress((LOOKS / "digits.json.gz").read_bytes()))
    for each in content["list"]["overview"]["experiments"]:
        each["namespace"] = "kept"
    return content


@pytest.fixture(scope="module")
def address(kept: dict[str, Any], browser: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("looks") / "report.html"
    file.write_bytes(report(kept["report"], "digits"))
    return file.as_uri()


def settled(page: Page) -> bytes:
    """Return a picture of the page, once two in a row are the same."""
    before = b""
    for _ in range(50):
        now = page.screenshot(animations="disabled", caret="hide")
        if now == before:
            return now
        before = now
        page.wait_for_timeout(200)
    raise AssertionError("the page did not stop changing")


def alike(page: Page, name: str) -> None:
    """The page looks as the kept picture does."""
    sheet = page.context.new_page()
    try:
        if not sheet.evaluate(_FONT):
            pytest.skip("the pictures have DejaVu Sans as the system's font")
        whole = settled(page)
        given: str = sheet.evaluate(_SHRINK, [b64encode(whole).decode(), SHRUNK])
        file = LOOKS / f"{name}.png"
        if os.environ.get("TUNELET_TEST_LOOKS") == "write":
            file.write_bytes(b64decode(given))
        expected = b64encode(file.read_bytes()).decode()
        share, marked = sheet.evaluate(_COMPARE, [given, expected, LEAST])
    finally:
        sheet.close()
    if share <= MOST_PIXELS:
        return
    DIFFERENT.mkdir(parents=True, exist_ok=True)
    for suffix, picture in (("", whole), ("-marked", b64decode(marked))):
        (DIFFERENT / f"{name}{suffix}.png").write_bytes(picture)
    pytest.fail(f"{name}: {share:.2%} of the picture differ from {file.name}; see {DIFFERENT}")


def options(size: tuple[int, int], scheme: str = "light") -> dict[str, Any]:
    viewport = {"width": size[0], "height": size[1]}
    return {"viewport": viewport, "color_scheme": scheme, "reduced_motion": "reduce"}


@pytest.mark.parametrize("view", _REPORTED)
def test_a_view_looks_as_before(address: str, shown: Open, view: str) -> None:
    page = shown(_REPORTED[view], url=address, timezone_id="UTC", **options(DESK))
    expect(page.locator("main h1")).to_be_visible()
    alike(page, view)


def test_a_view_on_a_phone_in_the_dark_looks_as_before(address: str, shown: Open) -> None:
    page = shown(_REPORTED["slices"], url=address, timezone_id="UTC", **options(PHONE, "dark"))
    expect(page.locator("main h1")).to_be_visible()
    alike(page, "phone")


def test_the_list_looks_as_before(kept: dict[str, Any], service: Up, shown: Open) -> None:
    """With the service's own answers of then, at the time of then."""
    page = shown("#/empty", timezone_id="UTC", **options(DESK))
    page.clock.set_fixed_time(kept["report"]["made_at"] * 1000)

    def answer(route: Route) -> None:
        path = route.request.url.split("/namespaces/kept/")[1].split("?")[0]
        route.fulfill(json=kept["list"][path])

    page.route("**/namespaces/kept/**", answer)
    page.evaluate("location.hash = '#/kept'")
    expect(page.locator(".spark polyline")).to_have_count(
        len(kept["list"]["overview"]["experiments"]) - 1
    )
    alike(page, "list")


def test_the_form_looks_as_before(service: Up, shown: Open) -> None:
    page = shown("#/default/+", **options(DESK))
    expect(page.get_by_label("The request as YAML")).to_be_visible()
    # The service has another port each time.
    address = "(each) => (each.textContent = each.textContent.replace(/:[0-9]+/, ':8080'))"
    page.get_by_label("Command").evaluate(address)
    alike(page, "submit")
