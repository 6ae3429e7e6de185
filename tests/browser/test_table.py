"""The table of trials: its file, and its columns."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_page import faultless
from tests.browser.test_report import reported
from tests.e2e.conftest import Up
from tunelet.cli.remote_table import trials_table
from tunelet.export import write_csv

pytestmark = pytest.mark.browser


def exported(service: Up, name: str) -> list[dict[str, str]]:
    """The rows that the command writes."""
    out = io.StringIO(newline="")
    write_csv(trials_table(service.client, name), out)
    return list(csv.DictReader(out.getvalue().splitlines(keepends=True), strict=True))


def downloaded(page: Page, name: str) -> list[dict[str, str]]:
    page.get_by_role("button", name="CSV\N{HORIZONTAL ELLIPSIS}").click()
    with page.expect_download() as found:
        page.get_by_role("button", name="Download", exact=True).click()
    assert found.value.suggested_filename == f"{name}.csv"
    text = Path(found.value.path()).read_bytes().decode()
    expect(page.get_by_role("dialog")).to_have_count(0)
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def meaning(column: str, cell: str) -> object:
    if cell and column.endswith("_at"):
        return cell[: len("2026-01-01T00:00:00.000")]  # the service's JSON has milliseconds
    if cell and column.startswith(("values.", "hyperparameters.rate")):
        return float(cell)
    return cell


def test_the_table_is_downloaded_as_it_is_filtered_and_ordered(
    service: Up, ended: str, shown: Open
) -> None:
    page = shown(f"#/default/{ended}?filter=objective<0.7&sort=v:objective")
    expect(page.locator(".trials tbody tr").first).to_be_visible()
    page.get_by_role("button", name="CSV\N{HORIZONTAL ELLIPSIS}").click()
    command = page.get_by_role("dialog").get_by_label("Command", exact=True)
    expect(command).to_have_text(
        f"tunelet export {ended} -o {ended}.csv -n default --url {service.url}"
    )
    faultless(page)
    page.get_by_role("button", name="Cancel").click()
    rows = downloaded(page, ended)
    kept = [row for row in exported(service, ended) if float(row["values.objective"]) < 0.7]
    kept.sort(key=lambda row: float(row["values.objective"]))
    assert 0 < len(kept) < 12
    names = [name for name in rows[0] if name != "seconds"]
    assert [name for name in kept[0] if name in names] == names
    assert [[meaning(name, row[name]) for name in names] for row in rows] == [
        [meaning(name, row[name]) for name in names] for row in kept
    ]


def test_the_table_of_a_report_is_downloaded(
    service: Up, ended: str, shown: Open, tmp_path: Path
) -> None:
    page = shown(url=reported(tmp_path, service, ended))
    assert [row["number"] for row in downloaded(page, ended)] == [str(n) for n in range(11, -1, -1)]


@pytest.mark.parametrize("view", ["nothing", "front"])
def test_an_address_keeps_no_view_that_is_not_shown(
    service: Up, ended: str, shown: Open, view: str
) -> None:
    page = shown(f"#/default/{ended}?view={view}&sort=v:objective")
    expect(page.locator("#tab-history")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(f"{service.url}/#/default/{ended}?sort=v:objective")
