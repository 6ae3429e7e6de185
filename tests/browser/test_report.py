"""A report in Chromium, from a file: the values of a real search, no request, and no script run."""

import gzip
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import SCRIPT, Open, submit
from tests.browser.test_page import SIZES, VIEWS, brush, faultless, picture
from tests.e2e.conftest import Up
from tunelet.cli import main
from tunelet.client.trial import Trial

pytestmark = pytest.mark.browser

_CUT = """[...document.querySelectorAll("main, main *")]
.filter((one) => getComputedStyle(one).overflowY !== "visible")
.filter((one) => one.scrollHeight > one.clientHeight + 1)
.map((one) => one.className)"""
_SEEN = """window.seen = [];
new MutationObserver(() => seen.push(document.querySelectorAll(".printed tbody tr").length))
.observe(document.body, { subtree: true, childList: true });"""


@pytest.fixture(scope="module")
def failed(service: Up) -> str:
    """An experiment with a script in its note and in the output of its trials, which all fail."""
    space = {"kind": {"type": "categorical", "choices": ["plain", SCRIPT]}}
    submit(service, "failed", hyperparameters=space, max_trials=2, parallel_trials=2)
    service.client.wait("failed", timeout=120)
    service.client.note("failed", SCRIPT)
    return "failed"


@pytest.fixture(scope="module")
def large(service: Up) -> Trial:
    """The best trial of an experiment of 20,000, which is not among the newest."""
    many = 20_000
    # No worker asks, so that no trial ends before the pause.
    submit(service, "large", max_trials=1, model_training_code={"workers": True})
    service.client.pause("large")
    rates = [0.1 + 0.9 * ((number * 7919) % many + 0.5) / many for number in range(many)]
    trials = [{"hyperparameters": {"rate": r, "kind": "plain"}, "value": r} for r in rates]
    made = service.client.import_trials("large", trials)
    service.client.stop("large")
    return made[0]


def reported(folder: Path, service: Up, *names: str, store: bool = False) -> str:
    """Make a report and return its address."""
    file = folder / "report.html"
    where = ["--store", str(service.data)] if store else ["--url", service.url]
    assert main(["report", *names, "-o", str(file), *where]) == 0
    return file.as_uri()


def watched(page: Page) -> list[str]:
    """The addresses that the page asks for from now on, apart from those in itself."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob"):
            asked.append(request.url)

    page.on("request", note)
    return asked


@pytest.mark.parametrize("store", [False, True], ids=["service", "store"])
def test_a_report_shows_the_values_of_the_search(
    service: Up, ended: str, shown: Open, tmp_path: Path, store: bool
) -> None:
    address = reported(tmp_path, service, ended, store=store)
    page = shown(url=address)
    asked = watched(page)
    page.reload()
    expect(page.get_by_role("heading", name=ended)).to_be_visible()
    expect(page.locator(".filter .end")).to_have_text("12 trials")
    best = service.client.best(ended)[0]
    expect(page.locator(".facts .strong")).to_contain_text(f"trial {best.number}")
    page.locator("table tbody tr.best").click()
    detail = page.get_by_role("complementary")
    expect(detail).to_contain_text(f"{best.values['objective']:.6g}")
    expect(detail).to_contain_text(f"{best.hyperparameters['rate']:.6g}")
    for view in VIEWS:
        page.locator(f"#tab-{view}").click()
        expect(page.locator(f"#tab-{view}")).to_have_attribute("aria-selected", "true")
    page.locator("#tab-curves").click()
    expect(page.get_by_label("Curves of 12 trials")).to_be_visible()
    assert {urlsplit(each)._replace(fragment="").geturl() for each in asked} == {address}


def test_a_report_filters_and_brushes(service: Up, ended: str, shown: Open, tmp_path: Path) -> None:
    page = shown(url=reported(tmp_path, service, ended))
    status = page.locator(".filter .end")
    expect(status).to_have_text("12 trials")
    page.get_by_label("Filter trials").fill("objective<0.5")
    fewer = sum(trial.values["objective"] < 0.5 for trial in service.client.trials(ended))
    expect(status).to_have_text(f"{fewer} of 12 trials")
    page.get_by_label("Filter trials").fill("")
    expect(status).to_have_text("12 trials")
    brush(page)
    expect(status).to_have_text(re.compile(r"^[1-9] of 12 trials$"))


def test_a_report_offers_nothing_to_act_with(
    service: Up, ended: str, shown: Open, tmp_path: Path
) -> None:
    page = shown("#/default/ended?trial=3", url=reported(tmp_path, service, ended))
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("The report has no output of this trial")
    # No command: the report does not know which service its reader has.
    expect(panel.get_by_label("Command")).to_have_count(0)
    acting = "Stop|Pause|Resume|Clone|Extend|Propose|Note|Labels|Delete|Retry|New experiment|Sign"
    expect(page.get_by_role("button", name=re.compile(f"^({acting})"))).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile(f"^({acting}|API)"))).to_have_count(0)


def test_scripts_in_a_report_are_shown_as_text_and_never_run(
    service: Up, ended: str, failed: str, shown: Open, tmp_path: Path
) -> None:
    address = reported(tmp_path, service, ended, failed)
    noted = next(one for one in service.client.trials(ended) if one["note"])
    page = shown(f"#/default/{ended}?trial={noted['number']}", url=address)
    expect(page.locator(".facts")).to_contain_text(f"said={SCRIPT}")
    expect(page.get_by_role("complementary").locator(".said")).to_contain_text(SCRIPT)
    page.goto(f"{address}#/default/{failed}?trial=0")
    expect(page.locator(".head .said")).to_contain_text(SCRIPT)
    expect(page.get_by_label("Output of the trial")).to_contain_text(SCRIPT)
    assert "owned" not in page.title()
    assert page.locator("main img, main script").count() == 0


def test_a_report_of_several_experiments_compares_them(
    service: Up, ended: str, failed: str, shown: Open, tmp_path: Path
) -> None:
    page = shown(url=reported(tmp_path, service, ended, failed))
    expect(page.get_by_role("heading", name="2 experiments compared")).to_be_visible()
    page.get_by_label("Experiments of this report").get_by_role("link", name=failed).click()
    expect(page.get_by_role("heading", name=failed)).to_be_visible()
    expect(page.locator(".filter .end")).to_have_text("2 trials")


@pytest.mark.parametrize("store", [False, True], ids=["service", "store"])
def test_a_report_of_20000_trials_shows_all_and_the_details_of_the_best(
    service: Up, large: Trial, shown: Open, tmp_path: Path, store: bool
) -> None:
    page = shown(url=reported(tmp_path, service, "large", store=store))
    expect(page.locator(".filter .end")).to_have_text("20,000 trials")
    expect(page.locator(".left-out")).to_contain_text("reports, notes and reasons of only 1,000")
    expect(page.locator(".canvas canvas").first).to_be_visible()
    page.get_by_label("Filter trials").fill("objective<0.2")
    expect(page.locator(".filter .end")).to_contain_text("2,222 of 20,000")
    page.evaluate(f"location.hash = '#/default/large?trial={large.number}'")
    expect(page.get_by_role("complementary")).to_contain_text(f"{large.values['objective']:.6g}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_report_fits_and_axe_finds_nothing(
    service: Up, ended: str, shown: Open, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    width, height = size
    page = shown(
        "#/default/ended?view=parallel",
        url=reported(tmp_path, service, ended),
        viewport={"width": width, "height": height},
        color_scheme=scheme,
    )
    expect(page.locator("table.trials tbody tr, .trials tbody tr").first).to_be_visible()
    faultless(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture(page, f"report-{width}-{scheme}")


@pytest.mark.parametrize("width", [1440, 360])
def test_a_report_prints_its_view_and_its_best_trials(
    service: Up, large: Trial, shown: Open, tmp_path: Path, width: int
) -> None:
    page = shown(
        url=reported(tmp_path, service, "large"),
        viewport={"width": width, "height": 740},
        color_scheme="dark",
    )
    expect(page.locator(".filter .end")).to_have_text("20,000 trials")
    page.emulate_media(media="print")
    expect(page.get_by_text("The best 30 by objective of 20,000 trials")).to_be_visible()
    rows = page.locator(".trials tbody tr")
    expect(rows).to_have_count(30)
    expect(rows.first.locator("td").first).to_have_text(str(large.number))
    expect(page.locator(".tabs, .filter, button").locator("visible=true")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert page.evaluate(_CUT) == []
    picture(page, f"report-print-{width}")
    page.emulate_media(media="null")
    expect(page.get_by_role("region", name="Table of trials")).to_be_visible()
    page.evaluate(_SEEN)
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
    assert page.evaluate("seen.includes(30)")
    assert len(pages) in (1, 2)


def test_a_report_leaves_out_what_the_page_does_not_show(
    service: Up, ended: str, tmp_path: Path
) -> None:
    reported(tmp_path, service, ended)
    found = re.search(rb'id="report">([^<]*)<', (tmp_path / "report.html").read_bytes())
    assert found is not None
    content: dict[str, Any] = json.loads(gzip.decompress(b64decode(found[1])))
    code = content["experiments"][0]["experiment"]["spec"]["model_training_code"]
    assert set(code) <= {"image", "command", "args"}
