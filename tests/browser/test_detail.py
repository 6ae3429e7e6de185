"""What a trial has kept: attributes, and files of its checkpoint; and what it can be used for."""

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, serving, submit
from tests.e2e.conftest import Up
from tunelet.interop.optuna import TuneletStorage

pytestmark = pytest.mark.browser

TRAIN = """
mkdir -p "$TUNELET_CHECKPOINT_DIR/deep"
echo "the weights of $1" > "$TUNELET_CHECKPOINT_DIR/deep/model é.txt"
echo "objective=${1#--x=}"
"""
EACH = {"x": {"type": "float", "min": 0, "max": 1}}


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with serving(tmp_path_factory.mktemp("detail"), train=TRAIN) as up:
        yield up


def test_the_files_of_a_checkpoint_are_downloaded(keeping: Up, shown: Open, tmp_path: Path) -> None:
    submit(keeping, "saved", hyperparameters=EACH, max_trials=1)
    rate = keeping.client.experiment("saved").wait(timeout=60).best.hyperparameters["x"]
    page = shown(url=f"{keeping.url}/#/default/saved?trial=0")
    link = page.get_by_role("complementary").get_by_role("link", name="deep/model é.txt")
    with page.expect_download() as begun:
        link.click()
    begun.value.save_as(tmp_path / "got")
    assert (tmp_path / "got").read_text() == f"the weights of --x={rate}\n"
    assert begun.value.suggested_filename == "model é.txt"


def test_a_study_of_optuna_shows_attributes_and_nothing_that_it_would_refuse(
    keeping: Up, shown: Open
) -> None:
    study = optuna.create_study(storage=TuneletStorage(keeping.url), study_name="studied")

    def objective(trial: optuna.Trial) -> float:
        trial.set_user_attr("dataset", "small")
        trial.set_user_attr("layers", [3, 4])
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=3)
    page = shown(url=f"{keeping.url}/#/default/studied?trial=1")
    detail = page.get_by_role("complementary")
    expect(detail).to_contain_text("datasetsmall")
    expect(detail).to_contain_text("layers[3,4]")
    expect(detail).not_to_contain_text("tunelet propose")
    expect(page.locator(".head .progress .count")).to_have_text("3")
    expect(page.locator(".facts")).not_to_contain_text("At a time")
