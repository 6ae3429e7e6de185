"""A finger on the views of an experiment: it scrolls sideways, and brushes along an axis."""

import re
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Open, submit
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}
RATE = {"type": "float", "min": 0.1, "max": 1}
STEPS = 20


@pytest.fixture(scope="module")
def wide(service: Up) -> str:
    """An experiment of hyperparameters that do not fit beside each other on a phone."""
    hyperparameters = dict.fromkeys(("rate", "second", "third", "fourth", "fifth"), RATE)
    submit(service, "touched", max_trials=12, hyperparameters=hyperparameters)
    service.client.wait("touched", timeout=120)
    return "touched"


@pytest.fixture
def page(wide: str, shown: Open) -> Page:
    page = shown(f"#/default/{wide}?view=parallel", **PHONE)
    expect(page.locator(".filter .end")).to_have_text("12 trials")
    page.locator(".wide-plot").scroll_into_view_if_needed()
    return page


def swipe(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Move a finger from a place of the window to another one, in small steps."""
    hand: CDPSession = page.context.new_cdp_session(page)

    def send(kind: str, *points: dict[str, float]) -> None:
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    (x1, y1), (x2, y2) = start, end
    send("touchStart", {"x": x1, "y": y1})
    for step in range(1, STEPS + 1):
        share = step / STEPS
        send("touchMove", {"x": x1 + (x2 - x1) * share, "y": y1 + (y2 - y1) * share})
    send("touchEnd")
    hand.detach()


def scrolled(page: Page, place: str, way: str, least: int) -> None:
    """Wait until a place is scrolled by more than `least` pixels."""
    for _ in range(100):
        if page.locator(place).evaluate(f"(each) => each.{way}") > least:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{place} was not scrolled")


def box_of(page: Page) -> tuple[float, float, float, float]:
    box = page.locator(".wide-plot").bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def test_a_swipe_moves_the_parallel_coordinates_sideways(page: Page) -> None:
    left, top, width, height = box_of(page)
    middle = top + height / 2
    swipe(page, (left + width - 20, middle), (left + 40, middle))
    scrolled(page, ".wide-plot", "scrollLeft", 100)
    expect(page.locator(".chip.brush")).to_have_count(0)


def test_a_finger_along_an_axis_brushes_as_far_as_it_moves(page: Page) -> None:
    left, top, _, height = box_of(page)
    axis = left + 56
    before = page.locator(".experiment").evaluate("(each) => each.scrollTop")
    swipe(page, (axis, top + height * 0.75), (axis, top + height * 0.25))
    chip = page.locator(".chip.brush")
    expect(chip).to_have_count(1)
    low, high = map(float, re.findall(r"[\d.]+", chip.text_content() or ""))
    assert high - low > 0.3
    assert page.locator(".experiment").evaluate("(each) => each.scrollTop") == before


def test_a_swipe_between_the_axes_scrolls_the_page(page: Page) -> None:
    left, top, _, height = box_of(page)
    gap = left + 56 + 50
    swipe(page, (gap, top + height * 0.8), (gap, top + height * 0.1))
    scrolled(page, ".experiment", "scrollTop", 50)
    expect(page.locator(".chip.brush")).to_have_count(0)
    expect(page.get_by_role("complementary")).to_have_count(0)
