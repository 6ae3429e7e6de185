"""One trial stopped and retried, notes and labels changed in the page, on a service that trains."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SCRIPT, Open, submit
from tests.browser.test_page import faultless, picture
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

SPACE = {
    "rate": {"type": "float", "min": 0.1, "max": 1},
    "pause": {"type": "categorical", "choices": [0, 1000]},
}


@pytest.fixture
def page(service: Up, shown: Open) -> Iterator[Page]:
    """An experiment whose first trial never ends, and the panel of that trial."""
    name = f"e{uuid4().hex[:8]}"
    given = [{"rate": 0.5, "pause": 1000}, {"rate": 0.4, "pause": 0}]
    options = {"enqueue": given, "max_trials": 2, "parallel_trials": 1, "labels": {"team": "a"}}
    submit(service, name, hyperparameters=SPACE, **options)
    page = shown(f"#/default/{name}?trial=0")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    yield page
    service.client.stop(name)


def said(page: Page, command: str) -> None:
    """The dialog shows the command; then it is done."""
    dialog = page.get_by_role("dialog")
    name, url = page.locator("h1").text_content(), page.url.partition("/#")[0]
    whole = f"{command.format(name)} -n default --url {url}"
    expect(dialog.get_by_label("Command")).to_have_text(whole)
    faultless(page)
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_have_count(0)


def once(dialog: Locator, field: Locator, fault: str) -> None:
    """The fault is said once, at its field, until the field is written anew."""
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_role("alert")).to_have_count(1)
    expect(dialog.get_by_role("alert")).to_contain_text(fault)
    said = field.get_attribute("aria-describedby")
    assert said is not None
    expect(dialog.locator(f"[id='{said}']")).to_contain_text(fault)
    assert (dialog.text_content() or "").count(fault) == 1
    faultless(dialog.page)


def test_a_trial_is_stopped_and_retried_from_its_panel(service: Up, page: Page) -> None:
    panel, progress = page.get_by_role("complementary"), page.locator(".head .progress")
    expect(panel.locator(".state").first).to_have_text("running")
    expect(panel.get_by_role("button", name="Retry…")).to_have_count(0)
    panel.get_by_role("button", name="Stop…").click()
    picture(page, "stop-trial-1440-light")
    said(page, "tunelet stop {} 0")
    expect(panel.locator(".state").first).to_have_text("stopped")
    expect(panel).to_contain_text("stopped on request")
    expect(panel.get_by_role("button", name="Stop…")).to_have_count(0)
    expect(page.locator(".head .state")).to_have_text("complete", timeout=30_000)
    panel.get_by_role("button", name="Retry…").click()
    said(page, "tunelet retry {} 0")
    expect(progress).to_contain_text("/3")
    name = page.locator("h1").text_content() or ""
    again = service.client.trial(name, 2)
    assert (again.retry_of, again.hyperparameters) == (0, {"rate": 0.5, "pause": 1000})
    page.evaluate("location.hash = location.hash.replace('trial=0', 'trial=2')")
    expect(panel).to_contain_text("retry of trial 0")
    faultless(page)
    picture(page, "retried-1440-light")


def test_a_note_is_written_and_removed_and_runs_no_script(service: Up, page: Page) -> None:
    panel, dialog = page.get_by_role("complementary"), page.get_by_role("dialog")
    name = page.locator("h1").text_content() or ""
    panel.get_by_role("button", name="Note…").click()
    dialog.get_by_label("Note", exact=True).fill(SCRIPT)
    dialog.locator("button[type=submit]").click()
    expect(panel.locator(".said")).to_contain_text("onerror")
    assert service.client.trial(name, 0).note == SCRIPT
    panel.get_by_role("button", name="Edit note…").click()
    dialog.get_by_label("Note", exact=True).fill("")
    said(page, "tunelet note {} 0 --remove")
    expect(panel.locator(".said")).to_have_count(0)
    page.locator(".actions").get_by_role("button", name="Note").click()
    dialog.get_by_label("Note", exact=True).fill("data of May\nit's fixed")
    command = """tunelet note {} --text 'data of May\nit'"'"'s fixed'"""
    said(page, command)
    expect(page.locator(".head .said")).to_contain_text("data of May")
    assert service.client.experiment(name).note == "data of May\nit's fixed"
    expect(page).to_have_title(re.compile("^(?!owned)"))


def test_labels_are_changed_and_faults_are_explained(service: Up, page: Page) -> None:
    dialog, name = page.get_by_role("dialog"), page.locator("h1").text_content() or ""
    page.locator(".actions").get_by_role("button", name="Labels").click()
    field, save = dialog.get_by_label("A label a line"), dialog.locator("button[type=submit]")
    expect(field).to_have_value("team=a\n")
    field.fill("team")
    expect(dialog.get_by_role("alert")).to_contain_text("team has no =")
    expect(save).to_be_disabled()
    field.fill("tunelet.dev/x=1")
    save.click()
    once(dialog, field, "tunelet.dev/x is reserved")
    field.fill("stage=draft\nowner=ann b")
    picture(page, "labels-1440-light")
    said(page, "tunelet label {} stage=draft 'owner=ann b' team-")
    expect(page.locator(".facts")).to_contain_text("stage=draft owner=ann b")
    assert service.client.experiment(name).labels == {"stage": "draft", "owner": "ann b"}


def test_faults_of_a_budget_and_a_proposal_are_at_their_fields(page: Page) -> None:
    dialog, actions = page.get_by_role("dialog"), page.locator(".actions")
    act = dialog.locator("button[type=submit]")
    actions.get_by_role("button", name="Extend").click()
    trials = dialog.get_by_label("Trials", exact=True)
    trials.fill("0")
    act.click()
    once(dialog, trials, "Trials must be at least 1")
    expect(dialog.get_by_label("Seconds", exact=True)).to_have_attribute("aria-invalid", "false")
    picture(page, "extend-fault-1440-light")
    trials.fill("3")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    act.click()
    expect(dialog).to_have_count(0)
    actions.get_by_role("button", name="Propose").click()
    rate = dialog.get_by_role("spinbutton", name="rate")
    dialog.get_by_role("combobox", name="pause").select_option("0")
    rate.fill("7")
    act.click()
    once(dialog, rate, "rate is out of bounds")
    rate.fill("")
    act.click()
    once(dialog, rate, "rate is missing")
