"""What the views of an experiment have in common: the objective, and what the colours mean."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, submit
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

TRIALS = 12
SHOWING = ("history", "parallel", "slices", "curves", "importance")
"""The views that show one objective at a time."""


@pytest.fixture(scope="module")
def several(service: Up) -> str:
    """An experiment whose first objective depends on `a` and whose second one on `b`."""
    form = {"type": "float", "min": 0, "max": 1}
    objectives = [{"metric": metric, "direction": "minimize"} for metric in ("loss", "size")]
    submit(
        service, "several", max_trials=99, hyperparameters={"a": form, "b": form},
        objectives=objectives, model_training_code={"workers": True},
    )  # fmt: skip
    service.client.pause("several")
    rows = []
    for n in range(TRIALS):
        tried = {"a": n / TRIALS, "b": n * 5 % TRIALS / TRIALS}
        values = {"loss": tried["a"], "size": tried["b"]}
        rows.append({"hyperparameters": tried, "values": values})
    service.client.import_trials("several", rows)
    return "several"


def choice(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Objective")


def test_one_objective_is_chosen_for_all_views_and_kept_in_the_address(
    several: str, shown: Open
) -> None:
    page = shown(f"#/default/{several}?view=slices")
    slices = page.locator(".slice canvas[role=img]")
    expect(slices.first).to_have_attribute("aria-label", f"{TRIALS} trials, loss over a")
    choice(page).select_option("size")
    expect(slices.first).to_have_attribute("aria-label", f"{TRIALS} trials, size over a")
    page.reload()
    for view in SHOWING:
        page.locator(f"#tab-{view}").click()
        expect(choice(page)).to_have_value("size")
    expect(page.locator(".shares .name").first).to_have_text("b")
    page.locator("#tab-history").click()
    expect(page.locator(".plot canvas").first).to_have_attribute(
        "aria-label", f"{TRIALS} trials, size over trial"
    )
    page.locator("#tab-parallel").click()
    page.get_by_role("combobox", name="Trials").select_option(label="best 10 by size")
    expect(page.locator(".filter .end")).to_have_text(f"10 of {TRIALS} trials")
    choice(page).select_option("loss")
    expect(page.locator(".trials tbody tr[aria-rowindex]")).to_have_count(10)
    numbers = page.locator(".trials tbody td:first-child").all_inner_texts()
    assert numbers == [str(n) for n in reversed(range(10))]


def legend(page: Page) -> Locator:
    return page.locator(".legend .state")


def test_the_legend_names_the_best_and_the_trials_that_miss_a_constraint(
    service: Up, ended: str, shown: Open
) -> None:
    form = {"type": "float", "min": 0, "max": 1}
    submit(
        service, "bounded", max_trials=99, hyperparameters={"x": form},
        constraints=[{"metric": "cost", "max": 1}], model_training_code={"workers": True},
    )  # fmt: skip
    service.client.pause("bounded")
    rows = [
        {"hyperparameters": {"x": 0.1 * cost}, "values": {"objective": 0.1, "cost": cost}}
        for cost in (0.5, 2)
    ]
    service.client.import_trials("bounded", rows)
    page = shown("#/default/bounded")
    expect(legend(page)).to_have_text(["best so far", "complete", "misses a constraint"])
    page.locator("#tab-slices").click()
    expect(legend(page)).to_have_text(["complete", "misses a constraint"])
    page.evaluate(f"location.hash = '#/default/{ended}?view=curves'")
    expect(legend(page)).to_have_text(["best", "complete"])


def test_a_picture_has_half_the_window_and_the_table_six_rows(ended: str, shown: Open) -> None:
    page = shown(f"#/default/{ended}")
    expect(page.locator(".trials tbody tr")).to_have_count(TRIALS)
    picture = page.locator(".plot").bounding_box()
    table = page.locator(".trials").bounding_box()
    assert picture
    assert table
    assert picture["height"] >= 400
    row = page.locator(".trials tbody tr").nth(5).bounding_box()
    assert row
    assert row["y"] + row["height"] <= min(900, table["y"] + table["height"])


def test_a_request_has_the_whole_window(ended: str, shown: Open) -> None:
    page = shown(f"#/default/{ended}")
    page.locator("#tab-request").click()
    expect(page.locator(".trials, .filter")).to_have_count(0)
    box = page.locator(".request").bounding_box()
    assert box
    assert box["y"] + box["height"] > 880
    page.locator("#tab-history").click()
    expect(page.locator(".trials tbody tr")).to_have_count(TRIALS)
