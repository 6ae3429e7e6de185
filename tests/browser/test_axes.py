"""Experiments with many hyperparameters, the choice of axes, and the best trials alone."""

import math
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, submit
from tests.browser.test_narrow import NOTE_TEXTS, drawn, until_drawn
from tests.browser.test_page import faultless
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

NAMES = [f"noise{n}" for n in range(40)] + ["main"]
TRIALS = 60


@pytest.fixture(scope="module")
def many(service: Up) -> str:
    """An experiment with 41 hyperparameters, of which the last one decides."""
    form = {"type": "float", "min": 0, "max": 1}
    workers = {"workers": True}
    submit(
        service, "many", max_trials=999, hyperparameters=dict.fromkeys(NAMES, form),
        model_training_code=workers,
    )  # fmt: skip
    service.client.pause("many")
    rows = [
        {
            "hyperparameters": {x: math.modf(n * (k + 1) / math.e)[0] for k, x in enumerate(NAMES)}
            | {"main": n / TRIALS},
            "value": n / TRIALS,
        }
        for n in range(TRIALS)
    ]
    service.client.import_trials("many", rows)
    return "many"


def axes_of(page: Page) -> list[str]:
    labels = page.locator(".slice canvas[aria-label*=' over ']:not([aria-label^='Brush'])")
    return [(each.get_attribute("aria-label") or "").split(" over ")[1] for each in labels.all()]


def test_the_most_important_of_many_hyperparameters_are_shown(many: str, shown: Open) -> None:
    page = shown(f"#/default/{many}?view=slices")
    expect(page.locator(".slice")).to_have_count(12)
    expect(page.locator(".choices .axes summary")).to_have_text("Axes: 12 of 41")
    expect(page.locator(".slice canvas").first).to_have_attribute(
        "aria-label", f"{TRIALS} trials, objective over main"
    )
    faultless(page)


def test_axes_are_chosen_by_keyboard_for_all_views_and_kept_in_the_address(
    many: str, shown: Open
) -> None:
    page = shown(f"#/default/{many}?view=slices&axes=noise3,main")
    expect(page.locator(".slice")).to_have_count(2)
    page.locator(".choices .axes summary").press("Enter")
    page.get_by_label("Find hyperparameters").fill("NOISE7")
    page.get_by_role("checkbox", name="noise7").press("Space")
    expect(page.locator(".slice")).to_have_count(3)
    assert axes_of(page) == ["noise3", "main", "noise7"]
    faultless(page)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Find hyperparameters")).to_have_count(0)
    page.locator("#tab-parallel").click()
    expect(page.locator(".choices .axes summary")).to_have_text("Axes: 3 of 41")
    expect(page).to_have_url(f"{page.url.split('?')[0]}?view=parallel&axes=noise3,main,noise7")
    page.locator(".choices .axes summary").click()
    page.get_by_role("button", name="The most important").click()
    expect(page.locator(".choices .axes summary")).to_have_text("Axes: 12 of 41")


def test_the_best_trials_alone_are_shown_in_all_views_and_the_table(many: str, shown: Open) -> None:
    page = shown(f"#/default/{many}?view=parallel")
    said = page.locator(".filter .end")
    expect(said).to_have_text(f"{TRIALS} trials")
    page.get_by_role("combobox", name="Trials").select_option("best 10")
    expect(said).to_have_text(f"10 of {TRIALS} trials")
    table = page.locator(".trials tbody tr")
    expect(table).to_have_count(10)
    expect(table.first).to_contain_text("9")
    expect(page).to_have_url(f"{page.url.split('?')[0]}?view=parallel&best=10")
    page.reload()
    expect(said).to_have_text(f"10 of {TRIALS} trials")
    page.get_by_label("Filter trials").fill("objective>0.5")
    expect(said).to_have_text(f"10 of {TRIALS} trials")
    expect(table.last.locator("td").first).to_have_text("31")
    page.locator("#tab-history").click()
    page.get_by_role("button", name="Show more than the best 10").click()
    expect(said).to_have_text(f"29 of {TRIALS} trials")


@pytest.mark.parametrize("view", ["history", "slices", "scatter"])
def test_a_plot_without_points_says_why(service: Up, shown: Open, view: str) -> None:
    name = f"nothing-{view}"
    submit(service, name, max_trials=2, model_training_code={"workers": True})
    page = shown(f"#/default/{name}?view={view}")
    expect(page.locator(".nothing").first).to_contain_text("yet.")
    faultless(page)


def test_the_table_has_the_most_important_of_many_hyperparameters_or_those_chosen(
    many: str, shown: Open
) -> None:
    page = shown(f"#/default/{many}")
    heads = page.locator(".trials th .title")
    # Beside trial, state, objective and time.
    expect(heads).to_have_count(12 + 4)
    expect(heads.nth(3)).to_have_text("main")
    seen = heads.all_text_contents()
    hidden, other = [name for name in NAMES if name not in seen][-2:]
    page.evaluate(f"location.hash = '#/default/{many}?sort=h:{hidden}'")
    expect(heads).to_have_count(12 + 4 + 1)
    page.locator(".filter .axes summary").press("Enter")
    page.get_by_label("Find hyperparameters").fill(other)
    page.get_by_role("checkbox", name=other, exact=True).press("Space")
    expect(heads).to_have_count(12 + 4 + 2)
    faultless(page)
    page.evaluate(f"location.hash = '#/default/{many}?columns=noise3,main'")
    expect(heads).to_have_text(["#", "state", "objective", "noise3", "main", "time"])
    page.get_by_label("Filter trials").fill("noise20<0.5")
    expect(page.locator(".filter .end")).to_have_text(f"{TRIALS // 2} of {TRIALS} trials")


@pytest.mark.parametrize("view", ["{name}?view=history", "=?names={name}"], ids=["one", "several"])
def test_the_box_says_whether_the_axis_is_logarithmic(service: Up, shown: Open, view: str) -> None:
    name = f"wide-{'one' if 'view' in view else 'several'}"
    submit(service, name, max_trials=1, model_training_code={"workers": True})
    service.client.pause(name)
    values = [4, 0.1, 0.0009]
    row = {"hyperparameters": {"rate": 0.5, "kind": "plain"}}
    service.client.import_trials(name, [{**row, "value": value} for value in values])
    service.client.stop(name)
    page = shown("#/empty")
    page.evaluate(NOTE_TEXTS)
    page.evaluate(f"location.hash = '#/default/{view.format(name=name)}'")
    box = page.get_by_label("logarithmic")
    expect(box).to_be_checked()
    until_drawn(page, "0.001", "0.01", "0.1")
    for linear in (True, False, True):
        page.evaluate("texts.length = 0")
        box.click()
        expect(box).to_be_checked(checked=not linear)
        until_drawn(page, *(["1", "2", "3"] if linear else ["0.001", "0.01", "0.1"]))
        assert ("0.001" in {each[0] for each in drawn(page)}) is not linear
    page.wait_for_url(re.compile("log=0"))
    page.reload()
    expect(box).not_to_be_checked()


def test_values_of_0_are_never_on_a_logarithmic_axis(many: str, shown: Open) -> None:
    page = shown(f"#/default/{many}?view=history&log=1")
    box = page.get_by_label("logarithmic")
    expect(box).to_be_disabled()
    expect(box).not_to_be_checked()
    expect(page.get_by_title("values are all above 0")).to_be_visible()
