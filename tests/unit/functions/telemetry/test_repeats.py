"""Warnings that repeat themselves do not fill the log, and none is the first to be left out."""

import io
import json
import logging
from typing import Any

import pytest

from functions.telemetry.log import LOGGER, configure
from functions.telemetry.repeats import ALIKE, SECONDS, Repeats


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure("up", stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_thousand_equal_warnings_are_one_line(stream: io.StringIO) -> None:
    for _ in range(1000):
        logging.getLogger("tunelet.engine.sweep").warning("the store is away: %s", "no disk")
    assert [line["message"] for line in lines(stream)] == ["the store is away: no disk"]


def test_a_fault_that_meets_a_thousand_experiments_is_a_few_lines(stream: io.StringIO) -> None:
    for number in range(1000):
        where = {"experiment": f"e{number}"}
        LOGGER.error("sweep failed", extra=where)
        LOGGER.warning("the snapshot of %s is put off", f"e{number}")
    assert len(lines(stream)) == 2 * ALIKE


def test_other_lines_are_not_held_back_and_information_never(stream: io.StringIO) -> None:
    for text in ("one", "two", "one"):
        LOGGER.warning(text)
        LOGGER.info("swept %d live experiments", 3)
    assert [line["message"] for line in lines(stream)] == [
        "one",
        "swept 3 live experiments",
        "two",
        *["swept 3 live experiments"] * 2,
    ]


def test_different_errors_in_one_place_are_all_shown(stream: io.StringIO) -> None:
    for error in (ValueError("a"), ValueError("b"), ValueError("a")):
        LOGGER.error("a bug ended the request", exc_info=error)
    assert len(lines(stream)) == 2


def test_a_lasting_fault_is_logged_again_with_the_number_of_suppressed_lines() -> None:
    now = 0.0
    repeats = Repeats(lambda: now)

    def passed() -> str | None:
        record = logging.LogRecord("tunelet", logging.ERROR, "", 0, "away: %s", ("x",), None)
        return record.getMessage() if repeats.filter(record) else None

    assert passed() == "away: x"
    assert [passed() for _ in range(5)] == [None] * 5
    now += SECONDS
    assert passed() == "away: x (and 5 times more since the last line)"
    assert passed() is None
    now += SECONDS
    assert passed() == "away: x (and 1 times more since the last line)"
    now += 2 * SECONDS
    assert passed() == "away: x"
