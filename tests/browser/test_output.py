"""The output of a trial in the page: its end, as a terminal would show it, and followed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, serving, submit
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

LONG = r"""
yes "one of many lines" | head -c 9000000
printf '\033[32mepoch 1\033[0m\r\n'
for share in 10 50 100; do printf '\rtrained %s%%' $share; done
printf '\nthe last line, and objective=0.5\n'
"""
SLOW = """
seq -f "line %g" 300
for step in $(seq 300 1000); do echo "line $step"; sleep 0.2; done
"""
BELOW = "box => box.scrollHeight - box.clientHeight - box.scrollTop"
"""The pixels below what is seen."""
EACH = {"rate": {"type": "float", "min": 0.1, "max": 1}}


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with serving(tmp_path_factory.mktemp("output"), long=LONG, slow=SLOW) as up:
        yield up


def opened(shown: Open, up: Up, training: str) -> Page:
    code = {"image": training}
    submit(up, training, model_training_code=code, hyperparameters=EACH, max_trials=1)
    return shown(url=f"{up.url}/#/default/{training}?trial=0")


def test_of_a_long_output_the_end_is_shown_as_a_terminal_would(writing: Up, shown: Open) -> None:
    page = opened(shown, writing, "long")
    output = page.get_by_label("Output of the trial")
    expect(output).to_contain_text("the last line, and objective=0.5", timeout=60_000)
    end = (output.text_content() or "").rstrip().split("\n")[-4:]
    wanted = ["one of many lines", "epoch 1", "trained 100%", "the last line, and objective=0.5"]
    assert end == wanted
    expect(page.get_by_role("complementary")).to_contain_text("shows all of it")
    assert output.evaluate(BELOW) < 8


def test_the_place_where_one_reads_stays_and_the_end_is_followed(writing: Up, shown: Open) -> None:
    page = opened(shown, writing, "slow")
    output = page.get_by_label("Output of the trial")
    expect(output).to_contain_text("line 310", timeout=60_000)
    assert output.evaluate(BELOW) < 8
    output.evaluate("box => { box.scrollTop = 40 }")
    now = int(b"".join(writing.client.logs("slow", 0)).decode().rstrip().rpartition("line ")[2])
    expect(output).to_contain_text(f"line {now + 10}\n", timeout=60_000)
    assert output.evaluate("box => box.scrollTop") == 40
    writing.client.stop("slow")
