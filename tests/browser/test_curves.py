"""Views of trials with many reports, and of values as far apart as numbers can be."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import Open, serving, submit
from tests.browser.test_page import VIEWS, picture
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

PATIENCE_SECONDS = 60.0
TRIALS, STEPS = 14, 10_000
TRAIN = """
for each in "$@"; do case $each in --power=*) power=${each#*=};; esac; done
seq -f "step=%g objective=1e$power" STEPS
""".replace("STEPS", str(STEPS))
DRAWN = """box => {
    const { data } = box.getContext("2d").getImageData(0, 0, box.width, box.height);
    let found = 0;
    for (let place = 3; place < data.length; place += 4) found += data[place] > 0;
    return found;
}"""
"""The pixels of a canvas that have a colour."""


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    powers = {"power": {"type": "int", "min": -300, "max": 299}}
    with serving(tmp_path_factory.mktemp("curves"), train=TRAIN) as up:
        submit(up, "long", hyperparameters=powers, max_trials=TRIALS, parallel_trials=2)
        up.client.enqueue("long", [{"power": each} for each in (-300, 299, 0)])
        up.client.wait("long", timeout=300)
        yield up


def drawn(page: Page, least: int) -> None:
    """Wait until a picture of the view has that many coloured pixels."""
    pictures = page.locator("#view canvas:not(.over)")
    expect(pictures.first).to_be_visible()
    until = time.monotonic() + PATIENCE_SECONDS
    while max(box.evaluate(DRAWN) for box in pictures.all()) < least:
        assert time.monotonic() < until, "nothing was drawn"
        page.wait_for_timeout(100)


def test_long_curves_arrive_thinned_and_are_drawn(long: Up, shown: Open) -> None:
    page = shown(url=f"{long.url}/#/default/long")
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(_size(answer)))
    page.locator("#tab-curves").click()
    expect(page.get_by_label(f"Curves of {TRIALS} trials")).to_be_visible()
    drawn(page, 2_000)
    picture(page, "curves-long")
    assert 0 < sum(sizes) < 300_000


def _size(answer: Response) -> int:
    return len(answer.body()) if "/curves?" in answer.url else 0


@pytest.mark.parametrize("view", [view for view in VIEWS if view not in ("importance", "request")])
def test_values_of_any_size_are_drawn(long: Up, shown: Open, view: str) -> None:
    page = shown(url=f"{long.url}/#/default/long")
    page.locator(f"#tab-{view}").click()
    expect(page.locator(f"#tab-{view}")).to_have_attribute("aria-selected", "true")
    drawn(page, 500)
    picture(page, f"far-apart-{view}")
