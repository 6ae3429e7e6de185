"""`tunelet plot` over real searches, on a folder, a store and a service."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import Up
from tunelet import tune
from tunelet.cli import main
from tunelet.tuning import Tuned

SPACE = {
    "x": {"type": "float", "min": -5, "max": 5},
    "kind": {"type": "categorical", "choices": ["<b>", None, True]},
}
TRIALS, STEPS = 12, 5

Text = pytest.CaptureFixture[str]


def search(data: Path, name: str, **more: Any) -> Tuned:
    def objective(params: Any, trial: Any) -> Any:
        error = (params["x"] - 2) ** 2
        if not more:
            for step in range(STEPS):
                trial.report(error + 1 / (step + 1), step)
        return {"objective_0": error, "objective_1": params["x"]} if more else error

    store = (data / "store").as_uri()
    given = {"trials": TRIALS, "algorithm": "random_search", "seed": 7, "progress": False}
    return tune(objective, SPACE, store=store, name=name, **given, **more)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plotted")
    search(folder, "one")
    search(folder, "two", direction=["minimize", "maximize"])
    return folder


@pytest.fixture(params=["folder", "store", "service"])
def where(request: pytest.FixtureRequest, data: Path) -> Iterator[tuple[str, str]]:
    if request.param == "folder":
        yield "--store", str(data)
        return
    if request.param == "store":
        yield "--store", (data / "store").as_uri()
        return
    up = Up(data)
    yield "--url", up.url
    up.close()


def count(svg: str, kind: str) -> int:
    root = ElementTree.fromstring(svg)
    return sum(each.tag.endswith(f"}}{kind}") for each in root.iter())


def test_a_plot_has_the_trials_of_the_search(
    data: Path, where: tuple[str, str], capfd: Text, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plot", "one", *where]) == 0
    assert capfd.readouterr().out.startswith("one-history.svg  ")
    drawn = (tmp_path / "one-history.svg").read_text()
    assert (count(drawn, "circle"), count(drawn, "polyline")) == (TRIALS, 1)
    for kind, shape, many in (
        ("parallel", "polyline", TRIALS),
        ("slices", "circle", 2 * TRIALS),
        ("scatter", "circle", TRIALS),
        ("curves", "polyline", TRIALS),
        ("importance", "rect", 2),
        ("timeline", "rect", TRIALS + 1),  # with the colour of the legend
    ):
        assert main(["plot", "one", "--kind", kind, "-o", "-", *where]) == 0
        assert count(capfd.readouterr().out, shape) == many
    assert main(["plot", "two", "--kind", "pareto", "-o", "two.png", *where]) == 0
    assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_draws_what_a_notebook_draws(data: Path, capfd: Text) -> None:
    found = search(data, "one")
    for kind in ("history", "parallel", "slices", "scatter", "curves", "importance", "timeline"):
        assert main(["plot", "one", "--kind", kind, "-o", "-", "--store", str(data)]) == 0
        plot = getattr(found, f"plot_{kind}")()
        assert capfd.readouterr().out == plot.file().decode()


def test_a_scatter_is_of_what_is_asked_for(data: Path, capfd: Text) -> None:
    asked = ["--kind", "scatter", "--x", "trial", "--y", "x", "-o", "-", "--store", str(data)]
    assert main(["plot", "one", *asked]) == 0
    drawn = capfd.readouterr().out
    assert count(drawn, "circle") == TRIALS
    assert ">trial</text>" in drawn
    assert ">x</text>" in drawn


def test_what_cannot_be_drawn_is_explained_and_writes_no_file(
    data: Path, capfd: Text, tmp_path: Path
) -> None:
    store = ("--store", str(data))
    file = tmp_path / "one.svg"
    assert main(["plot", "one", "--kind", "pareto", "-o", str(file), *store]) == 2
    assert "front needs two objectives" in capfd.readouterr().err
    assert main(["plot", "one", "-o", str(tmp_path / "one.pdf"), *store]) == 2
    assert "end it with .svg or .png" in capfd.readouterr().err
    assert main(["plot", "one", "--x", "kind", "-o", str(file), *store]) == 2
    assert "--x needs --kind scatter, and this is history" in capfd.readouterr().err
    assert main(["plot", "one", "--kind", "scatter", "--y", "lr", "-o", str(file), *store]) == 2
    assert "no trial has a value of 'lr'; known are: x, kind, objective" in capfd.readouterr().err
    assert main(["plot", "gone", "-o", str(file), *store]) == 3
    assert "gone" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
