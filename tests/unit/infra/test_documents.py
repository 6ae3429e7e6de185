"""The objects in the documents are ones that the real APIs would take."""

import pytest

from tests.documents.blocks import Block, blocks, pages, read
from tests.documents.checks import resources
from tests.unit.infra.conftest import Check

pytestmark = pytest.mark.xdist_group("manifests")

SHOWN = [
    block
    for page in pages()
    for block in blocks(page)
    if block.language == "yaml" and not block.skipped and resources(block)
]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.place)
def test_the_objects_of_a_document_have_only_fields_that_exist(block: Block, check: Check) -> None:
    assert check(resources(block)) == []


def test_there_are_such_objects() -> None:
    assert len(SHOWN) >= 3


def test_an_unknown_field_is_found(check: Check) -> None:
    text = "<!-- reads as: spec of a pod -->\n```yaml\nvolumez: []\n```"
    (block,) = read(text, "page.md")
    assert check(resources(block)) != []
