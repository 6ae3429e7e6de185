"""A page of the documents in a terminal: in colour only where the pager shows colours."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_cli import TUNELET, _everything


@pytest.mark.parametrize(
    ("pager", "variables", "coloured"),
    [
        ("less", {}, True),
        ("less", {"NO_COLOR": "1"}, False),
        ("less", {"LESS": "-F"}, False),
        ("other", {}, False),
    ],
)
def test_a_pager_gets_colours_if_it_shows_them(
    tmp_path: Path, pager: str, variables: dict[str, str], coloured: bool
) -> None:
    program = tmp_path / pager
    program.write_text(f'#!/bin/sh\necho "$LESS" > {tmp_path}/options\ncat > {tmp_path}/page\n')
    program.chmod(0o755)
    main, terminal = pty.openpty()
    mine = {k: v for k, v in os.environ.items() if k not in ("LESS", "NO_COLOR", "PAGER")}
    showing = subprocess.Popen(
        [*TUNELET, "docs", "script"],
        env=mine | {"PAGER": str(program), "TERM": "xterm", "COLUMNS": "80"} | variables,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    screen = _everything(main)
    assert showing.wait(60) == 0, screen
    page = (tmp_path / "page").read_text()
    assert "A script in five minutes" in page
    assert ("\x1b[" in page) == coloured
    if coloured:
        assert (tmp_path / "options").read_text() == "-R\n"
