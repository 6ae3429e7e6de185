"""The documents' site in Chromium: without the internet, from a folder, on small screens."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import AXE

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "dist" / "site"
SHOWN = ["index.html", "start/script.html", "reference/request.html", "operations/deployment.html"]


def opened(chromium: Browser, name: str, width: int, scheme: Any = "light") -> Page:
    """The page, from the folder."""
    if not SITE.exists():
        pytest.skip("needs the built site: run make docs")
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(f"{SITE.as_uri()}/{name}")
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (360, "dark")])
def test_a_page_fits_asks_no_host_and_axe_finds_nothing_serious(
    chromium: Browser, width: int, scheme: str
) -> None:
    for name in SHOWN:
        page = opened(chromium, name, width, scheme)
        asked: list[str] = page.evaluate(
            "performance.getEntriesByType('resource').map(e => e.name)"
        )
        assert [url for url in asked if url.startswith("http")] == []
        fits = "document.scrollingElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(fits), name
        page.add_script_tag(path=str(AXE))
        found: list[dict[str, Any]] = page.evaluate("axe.run().then((found) => found.violations)")
        serious = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
        assert serious == [], name
        page.close()


def test_the_search_finds_a_page_from_a_folder_by_keyboard(chromium: Browser) -> None:
    page = opened(chromium, "index.html", 1440)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type("QuantizedRange")
    results = page.get_by_role("listbox", name="Search")
    expect(results).to_contain_text("QuantizedRange")
    page.close()
