"""What one has set up is there again after Back, after a reload, and for others."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, submit
from tests.browser.test_page import brush
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

SORTED = "th[aria-sort=ascending]"


def chosen(page: Page, view: str) -> None:
    expect(page.locator(f"#tab-{view}")).to_have_attribute("aria-selected", "true")


def over(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Over")


def test_back_goes_to_what_was_before(ended: str, shown: Open) -> None:
    page = shown()
    page.get_by_role("button", name="Algorithm").click()
    page.get_by_role("button", name=re.compile("^complete")).click()
    page.get_by_role("link", name=ended, exact=True).click()
    trial = page.get_by_role("complementary")
    page.locator("#tab-parallel").click()
    page.locator(".trials tbody tr").first.click()
    expect(trial).to_have_attribute("aria-label", "Trial 11")
    page.locator(".trials tbody tr").nth(1).click()
    expect(trial).to_have_attribute("aria-label", "Trial 10")
    page.go_back()
    expect(trial).to_have_count(0)
    chosen(page, "parallel")
    page.go_forward()
    expect(trial).to_have_attribute("aria-label", "Trial 10")
    page.get_by_role("button", name="objective", exact=True).click()
    page.keyboard.press("Escape")
    expect(trial).to_have_count(0)
    # Closed, it is no entry of its own; what was sorted meanwhile stays sorted.
    expect(page.locator(SORTED)).to_contain_text("objective")
    page.go_back()
    chosen(page, "history")
    page.go_back()
    expect(page.locator(SORTED)).to_contain_text("Algorithm")
    expect(page.get_by_role("button", name=re.compile("^complete"), pressed=True)).to_be_visible()


def test_a_reload_and_others_see_the_same(service: Up, ended: str, shown: Open) -> None:
    page = shown(f"#/default/{ended}?view=scatter")
    page.get_by_label("Across").select_option("number")
    page.get_by_label("Up").select_option("v:objective")
    brush(page)
    status = page.locator(".filter .end")
    expect(status).to_have_text(re.compile(r"^[1-9] of 12 trials$"))
    page.get_by_role("button", name="objective", exact=True).click()
    page.locator("#tab-history").click()
    page.get_by_label("logarithmic").check()
    over(page).select_option("ended")
    page.wait_for_url(re.compile("over=ended"))
    before = status.text_content() or ""
    first = page.locator(".trials tbody tr").first.text_content() or ""
    address = page.url.partition("#")[2]
    others = shown(f"#{address}")
    page.reload()
    for each in (page, others):
        expect(each.locator(".filter .end")).to_have_text(before)
        expect(each.locator(SORTED)).to_contain_text("objective")
        expect(each.locator(".trials tbody tr").first).to_have_text(first)
        expect(each.get_by_label("logarithmic")).to_be_checked()
        expect(over(each)).to_have_value("ended")
        each.locator("#tab-scatter").click()
        expect(each.get_by_label("Across")).to_have_value("number")
        expect(each.get_by_label("Up")).to_have_value("v:objective")


def test_the_list_is_scrolled_to_where_it_was(service: Up, shown: Open) -> None:
    names = [f"long-list-{number}" for number in range(8)]
    for name in names:
        submit(service, name, max_trials=1)
    page = shown("#/default?find=long-list&sort=name", viewport={"width": 1440, "height": 320})
    box = page.get_by_role("region", name="Table of experiments")
    expect(box.get_by_role("link")).to_have_count(8)
    box.evaluate("(box) => box.scrollTop = 90")
    page.get_by_role("link", name=names[5]).click()
    expect(page.get_by_role("heading", name=names[5])).to_be_visible()
    page.go_back()
    expect(box.get_by_role("link")).to_have_count(8)
    expect(box).to_have_js_property("scrollTop", 90)


@pytest.mark.parametrize("trial", ["99999", "-1", "1.5", "abc"])
def test_a_trial_that_does_not_exist_is_said(ended: str, shown: Open, trial: str) -> None:
    page = shown(f"#/default/{ended}?trial={trial}")
    note = page.get_by_text(f"There is no trial {trial}.")
    expect(note).to_be_visible()
    expect(page.get_by_role("complementary")).to_have_count(0)
    page.get_by_role("button", name="Close").click()
    expect(note).to_have_count(0)
    assert "trial" not in page.url
