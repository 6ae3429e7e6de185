"""An experiment on a narrow screen, in Chromium: nothing is cut, and no button is alone."""

import time
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, submit
from tests.browser.test_page import look
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

NARROW = {"viewport": {"width": 360, "height": 740}}
LONG = "hidden_units_per_layer"
SPACE: dict[str, Any] = {
    "rate": {"type": "lognormal", "mean": -1, "std": 0.3},
    LONG: {"type": "int", "min": 16, "max": 256, "step": 16},
    "layers": {"type": "int", "min": 1, "max": 4},
    "dropout": {
        "type": "float",
        "min": 0,
        "max": 0.6,
        "when": {"learning_rate_schedule": ["constant"]},
    },
    "learning_rate_schedule": {"type": "categorical", "choices": ["constant", "with-restarts"]},
}
NOTE_TEXTS = """() => {
window.texts = [];
const draws = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const wide = this.measureText(text).width;
  const from = x - wide * ({ c: 0.5, r: 1 }[this.textAlign[0]] ?? 0);
  const { a, b } = this.getTransform();
  // The names of axes up are turned.
  if (b === 0) texts.push([text, from, from + wide, this.canvas.width / a]);
  return draws.call(this, text, x, y);
};
}"""
"""Keep in `texts` what is drawn from now on."""


@pytest.fixture(scope="module")
def various(service: Up) -> str:
    """An experiment with hyperparameters of several kinds, which maximizes."""
    goal = {"metric": "objective", "direction": "maximize"}
    submit(service, "various", max_trials=12, hyperparameters=SPACE, objective=goal)
    service.client.wait("various", timeout=120)
    return "various"


def drawn(page: Page) -> list[tuple[str, float, float, float]]:
    """The texts of the canvases, with their left and right ends, and the canvas's width."""
    found: list[tuple[str, float, float, float]] = page.evaluate("window.texts")
    return found


def until_drawn(page: Page, *texts: str) -> None:
    """Wait for these texts, or for any: the page's policy forbids Playwright's own way."""
    patience = time.monotonic() + 30
    while not (said := {each[0] for each in drawn(page)}) or not said.issuperset(texts):
        assert time.monotonic() < patience, f"drawn are only {sorted(said)}"
        page.wait_for_timeout(50)


def opened(shown: Open, address: str) -> Page:
    page = shown("#/empty", **NARROW)
    page.evaluate(NOTE_TEXTS)
    page.evaluate(f"location.hash = '{address}'")
    return page


@pytest.mark.parametrize("view", ["history", "parallel", "slices", "scatter", "curves", "timeline"])
def test_no_text_of_a_view_reaches_over_its_canvas(various: str, shown: Open, view: str) -> None:
    page = opened(shown, f"#/default/{various}?view={view}")
    expect(page.locator(".filter .end")).to_have_text("12 trials")
    until_drawn(page)
    page.wait_for_timeout(300)
    over = [each for each in drawn(page) if each[1] < 0 or each[2] > each[3]]
    assert over == []


def test_the_labels_of_parallel_coordinates_are_whole(various: str, shown: Open) -> None:
    page = opened(shown, f"#/default/{various}?view=parallel")
    expect(page.locator(".filter .end")).to_have_text("12 trials")
    until_drawn(page, "none")
    said = {each[0] for each in drawn(page)}
    assert {*SPACE, "objective", "constant", "with-restarts"} <= said
    assert [text for text in said if text.endswith("…")] == []


def test_the_names_of_importances_are_whole(various: str, shown: Open) -> None:
    page = shown(f"#/default/{various}?view=importance", **NARROW)
    names = page.locator(".shares .name")
    expect(names).to_have_count(len(SPACE))
    cut = names.evaluate_all("(all) => all.map((name) => name.scrollWidth - name.clientWidth)")
    assert [each for each in cut if each > 0] == []


def test_the_filters_example_keeps_good_trials(various: str, ended: str, shown: Open) -> None:
    page = shown(f"#/default/{various}")
    field = page.get_by_label("Filter trials")
    expect(field).to_have_attribute("placeholder", "Filter: state=complete objective>0.8")
    page.evaluate(f"location.hash = '#/default/{ended}'")
    expect(field).to_have_attribute("placeholder", "Filter: state=complete objective<0.2")


def test_a_list_with_large_budgets_fits(service: Up, shown: Open) -> None:
    name = "narrow-with-a-long-name"
    submit(service, name, max_trials=10_000, model_training_code={"workers": True})
    service.client.pause(name)
    row = {"hyperparameters": {"rate": 0.5, "kind": "plain"}, "value": 0.0123456}
    service.client.import_trials(name, [row] * 1_100)
    page = shown(f"#/default?find={name}", **NARROW)
    expect(page.locator("td.col-progress")).to_have_text("1,100/11,100")
    table = page.get_by_role("region", name="Table of experiments")
    assert table.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 0


def test_a_comparison_has_the_number_of_trials_in_one_line(various: str, shown: Open) -> None:
    page = shown(f"#/default/=?names={various}", **NARROW)
    number = page.locator(".bests .count")
    expect(number).to_have_text("12/12")
    box = number.bounding_box()
    assert box is not None
    assert box["height"] < 24


def rows_of(page: Page) -> list[int]:
    """How many of the experiment's buttons are in each row."""
    tops = [each.bounding_box() for each in page.locator(".head .actions > button").all()]
    return list(Counter(box["y"] for box in tops if box).values())


def test_no_button_is_alone_in_a_row(service: Up, various: str, shown: Open) -> None:
    submit(service, "narrow", max_trials=9, model_training_code={"workers": True})
    page = shown(f"#/default/{various}", **NARROW)
    buttons = page.locator(".head .actions > button")
    expect(buttons).to_have_count(5)
    assert rows_of(page) == [5]
    page.evaluate("location.hash = '#/default/narrow'")
    expect(buttons).to_have_count(8)
    assert rows_of(page) == [4, 4]
    service.client.stop("narrow")
    expect(buttons).to_have_count(6)
    assert rows_of(page) == [4, 2]
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0


def test_long_names_stay_within_the_screen(service: Up, shown: Open) -> None:
    name, metric = "a-name-as-long-as-an-experiment-may-have", "m" * 128
    submit(service, name, max_trials=1, objective={"metric": metric, "direction": "minimize"})
    service.client.wait(name, timeout=60)
    page = shown(f"#/default/{'w' * 40}", **NARROW)
    expect(page.get_by_role("alert")).to_contain_text("there is no such experiment")
    fits(page, "missing-360-light")
    page.evaluate(f"location.hash = '#/default/{name}?filter={metric}&brush=v:{metric}:0:1'")
    expect(page.get_by_text(f"compare {metric} with a value")).to_be_visible()
    fits(page, "long-360-light")
    page.evaluate(f"location.hash = '#/default/=?names={name}'")
    expect(page.get_by_text("No trial of these has a value")).to_be_visible()
    fits(page, "long-compare-360-light")
    page.set_viewport_size({"width": 1440, "height": 900})
    fits(page, "long-compare-1440-light")
    table = page.get_by_role("region", name="The best of each")
    assert table.evaluate("(box) => box.scrollWidth - box.clientWidth") == 0


def fits(page: Page, name: str) -> None:
    """Each box has its texts within itself, and axe finds nothing."""
    look(page, name)
    over = page.locator(".note, .head, .facts dd, .choices, .filter").evaluate_all(
        """(all) => all.filter((one) => one.scrollWidth > one.clientWidth)
        .map((one) => one.outerHTML)"""
    )
    assert over == []


@pytest.fixture(scope="module")
def long(service: Up) -> str:
    """An experiment with more trials than a document bears as rows."""
    submit(service, "long", max_trials=1, model_training_code={"workers": True})
    service.client.pause("long")
    row = {"hyperparameters": {"rate": 0.5, "kind": "plain"}}
    service.client.import_trials("long", [{**row, "value": n / 3000} for n in range(3000)])
    service.client.stop("long")
    return "long"


@pytest.mark.parametrize("size", [(360, 740), (740, 360)], ids=str)
def test_a_long_table_has_only_the_rows_in_sight(
    long: str, shown: Open, size: tuple[int, int]
) -> None:
    width, height = size
    page = shown(f"#/default/{long}", viewport={"width": width, "height": height})
    expect(page.locator(".filter .end")).to_have_text("3,000 trials")
    rows = page.locator(".trials tbody tr:not(.spacer)")
    expect(rows.first).to_contain_text("2999")
    assert rows.count() < 50
    table = page.get_by_role("region", name="Table of trials")
    box = table.bounding_box()
    assert box is not None
    assert box["height"] < height
    table.scroll_into_view_if_needed()
    table.evaluate("(box) => (box.scrollTop = box.scrollHeight)")
    expect(rows.last).to_contain_text("0complete")
    expect(rows.last).to_be_in_viewport()
    assert rows.count() < 50


def test_an_empty_list_fits(service: Up, shown: Open) -> None:
    page = shown("#/narrow-and-empty", **NARROW)
    said = page.locator(".empty")
    expect(said).to_contain_text("tunelet submit")
    box = said.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 360
    assert said.locator("pre").evaluate("(each) => each.scrollWidth - each.clientWidth") <= 0
