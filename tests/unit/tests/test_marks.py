"""Tests that need a browser, a cluster or Terraform are marked, so that `make test` leaves them."""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("suite", ["browser", "cluster", "terraform"])
def test_each_file_of_a_suite_has_its_mark(suite: str) -> None:
    files = sorted((TESTS / suite).rglob("test_*.py"))
    assert files
    assert [each.name for each in files if f"pytest.mark.{suite}" not in each.read_text()] == []


def test_no_browser_test_waits_by_a_text_of_code() -> None:
    """The page's policy forbids `eval`, so this fails where the condition is false at first."""
    forbidden = "wait_for_" + "function("
    files = sorted((TESTS / "browser").rglob("*.py"))
    assert files
    assert [each.name for each in files if forbidden in each.read_text()] == []
