"""A reader who does what a page says gets what it shows."""

from pathlib import Path

import pytest

from tests.documents.blocks import RUN, blocks, pages
from tests.documents.reader import Reader

FOLLOWED = [
    page
    for page in pages()
    if any(block.language in RUN and not block.skipped for block in blocks(page))
]


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_holds_when_its_blocks_are_run_in_order(page: str, tmp_path: Path) -> None:
    Reader(tmp_path, blocks(page)).follow()
