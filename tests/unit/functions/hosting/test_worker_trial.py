"""What a worker sends of a training's output."""

import json

import pytest

from functions.hosting.worker_trial import shortened
from tunelet.core.lease import MOST_OUTPUT
from tunelet.text.limits import BODY_BYTES


def test_short_output_is_sent_as_it_is() -> None:
    assert shortened("épochs: 3\n".encode()) == "épochs: 3\n"
    assert shortened(b"\xff") == "\ufffd"


@pytest.mark.parametrize("line", ["step=1 loss=0.5\n", "\x1b[32m✓\x1b[0m", "😀"])
def test_long_output_keeps_its_beginning_and_its_end_and_fits_into_a_body(line: str) -> None:
    sent = shortened(("first\n" + line * 300_000 + "last\n").encode())
    assert sent.startswith("first\n")
    assert sent.endswith("last\n")
    assert "left out" in sent
    assert len(sent) <= MOST_OUTPUT
    assert len(json.dumps({"output": sent})) < BODY_BYTES
