"""Comparing experiments in Chromium: chosen in the list, in one picture, shared by an address."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open, submit
from tests.browser.test_page import SIZES, faultless, look
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

NAMES = ("compared-a", "compared-b")
OPPOSITE = "compared-c"
PICTURE = "The best objective of compared-a, compared-b over trials"


@pytest.fixture(scope="module")
def both(service: Up) -> Up:
    """Experiments that have ended: the second has another range, the third maximizes."""
    submit(service, NAMES[0], max_trials=4, parallel_trials=2)
    higher = {"rate": {"type": "float", "min": 2, "max": 3}}
    goal = {"metric": "objective", "direction": "maximize"}
    submit(service, NAMES[1], max_trials=3, hyperparameters=higher)
    submit(service, OPPOSITE, max_trials=2, parallel_trials=2, objective=goal)
    for name in (*NAMES, OPPOSITE):
        service.client.wait(name, timeout=120)
    return service


def test_experiments_are_chosen_in_the_list_and_compared(both: Up, shown: Open) -> None:
    page = shown("#/default?find=compared")
    for name in NAMES:
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("link", name="Compare 2").click()
    expect(page.get_by_role("heading", name="2 experiments compared")).to_be_visible()
    assert page.url.endswith("#/default/=?names=compared-a,compared-b")
    expect(page.get_by_label(PICTURE)).to_be_visible()
    swatches = page.locator(".bests .swatch rect")
    expect(swatches).to_have_class(["series-0", "series-1"])
    (best,) = both.client.best(NAMES[1])
    row = page.locator(".bests tbody tr").filter(has_text=NAMES[1])
    expect(row.locator("b")).to_have_text(f"{best.values['objective']:.5g}")
    expect(row.get_by_role("link", name=str(best.number), exact=True)).to_be_visible()
    rate = page.locator(".spaces tbody tr").filter(has_text="rate")
    expect(rate.locator("td").nth(0)).to_contain_text("0.1 … 1")
    expect(rate.locator("td").nth(1)).to_contain_text("2 … 3")
    kind = page.locator(".spaces tbody tr").filter(has_text="kind")
    expect(kind.locator("td").nth(1)).to_have_text("\N{EN DASH}")


def test_an_address_shows_the_same_comparison_and_others_can_be_chosen(
    both: Up, shown: Open
) -> None:
    page = shown("#/default/=?names=compared-a,compared-b&over=time&log=1")
    expect(page.get_by_label(PICTURE.replace("trials", "time"))).to_be_visible()
    expect(page.get_by_label("logarithmic")).to_be_checked()
    page.get_by_role("combobox", name="Over").select_option("trials")
    expect(page.get_by_label(PICTURE)).to_be_visible()
    page.get_by_role("button", name="Remove compared-b").click()
    expect(page.get_by_role("heading", name="1 experiment compared")).to_be_visible()
    page.get_by_role("link", name="Choose others").click()
    expect(page.get_by_label("Compare compared-a")).to_be_checked()
    expect(page.get_by_label("Compare compared-b")).not_to_be_checked()


def test_only_experiments_with_the_same_objective_and_direction_are_compared(
    both: Up, shown: Open
) -> None:
    page = shown(f"#/default/=?names=compared-a,{OPPOSITE}")
    said = page.locator(".apart")
    expect(said).to_have_text(
        f"Not comparable by minimize objective: {OPPOSITE} (maximize objective)."
    )
    expect(page.get_by_label("The best objective of compared-a over trials")).to_be_visible()
    row = page.locator(".bests tbody tr").filter(has_text=OPPOSITE)
    expect(row).to_contain_text("not comparable")
    page.get_by_role("combobox", name="Objective").select_option("maximize objective")
    expect(page.get_by_label(f"The best objective of {OPPOSITE} over trials")).to_be_visible()
    (best,) = both.client.best(OPPOSITE)
    expect(row.locator("b")).to_have_text(f"{best.values['objective']:.5g}")
    expect(said).to_contain_text("compared-a (minimize objective)")
    page.reload()
    expect(said).to_contain_text("compared-a (minimize objective)")


def test_an_experiment_that_is_gone_is_named_and_can_be_left_out(both: Up, shown: Open) -> None:
    page = shown("#/default/=?names=compared-a,gone")
    expect(page.get_by_role("alert")).to_contain_text("default/gone")
    expect(page.locator(".bests tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Leave out gone").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.url.endswith("names=compared-a")


def test_trials_that_did_not_arrive_are_asked_for_again(service: Up, shown: Open) -> None:
    many = 2_100
    # No worker asks, so that no trial ends before the pause.
    submit(service, "long", max_trials=1, model_training_code={"workers": True})
    service.client.pause("long")
    given = [0.1 + number / many for number in range(many)]
    rows = [{"hyperparameters": {"rate": 0.5, "kind": "plain"}, "value": each} for each in given]
    service.client.import_trials("long", rows)
    service.client.stop("long")
    page = shown("#/default?find=long")
    page.clock.install()
    broken = [True]

    def second(route: Route) -> None:
        if broken:
            route.abort("connectionreset")
        else:
            route.continue_()

    # The first answer has 2,000 trials.
    page.route(re.compile(r"/columns\?after=1999&"), second)
    page.evaluate("location.hash = '#/default/=?names=long'")
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    expect(page.locator(".bests tbody tr")).to_have_count(1)
    # Until here whatever is asked for at once has failed: what comes later is a repetition.
    page.wait_for_timeout(1000)
    broken.clear()
    # Twelve seconds pass at once, nine more when all that was asked for before has failed, and then
    # none: an experiment at rest waits for thirty seconds after a fault.
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 12)
    page.wait_for_timeout(1000)
    page.clock.run_for(9_000)
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_comparison_fits_and_axe_finds_nothing(
    both: Up, shown: Open, size: tuple[int, int], scheme: str
) -> None:
    options = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme}
    page = shown("#/default/=?names=compared-a,compared-b", **options)
    expect(page.locator(".bests tbody tr")).to_have_count(2)
    look(page, f"compare-{size[0]}-{scheme}")
    page.evaluate("location.hash = '#/default?compare=compared-a'")
    expect(page.get_by_role("link", name="Compare 1")).to_be_visible()
    faultless(page)
