"""The log of `tunelet run` on a disk that is full."""

from pathlib import Path

import pytest

from functions.hosting.run import _logged_to
from functions.telemetry.log import LOGGER


def test_a_full_disk_gives_one_line_and_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with _logged_to(Path("/dev/full")):
        for _ in range(3):
            LOGGER.warning("the sweep was broken off")
    assert capfd.readouterr().err == (
        "warning: /dev/full cannot be written (No space left on device); the search waits while"
        " its data cannot be written\n"
    )
