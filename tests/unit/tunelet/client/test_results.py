"""Trials as typed objects, and their display in a notebook."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from tunelet.client import plots, svg
from tunelet.client.results import Results
from tunelet.client.svg import Plot
from tunelet.client.trial import Report, Trial

LOSS = {"metric": "loss", "direction": "minimize", "goal": None}
SIZE = {"metric": "size", "direction": "maximize", "goal": None}
FORMS = {
    "lr": {"type": "float", "min": 1e-4, "max": 0.1, "scale": "log"},
    "opt": {"type": "categorical", "choices": ["sgd", {"value": None, "weight": 2}, True, 1]},
    "noise": {"type": "normal", "mean": 0, "std": 1},
}


def trial(number: int, loss: Any = 0.5, state: str = "COMPLETE", **given: Any) -> Trial:
    return Trial(
        number=number,
        attempt=1,
        state=state,
        hyperparameters={"lr": 0.01, "opt": "sgd", **given},
        values={"loss": loss, "size": float(number)},
        reports=[{"step": 1, "values": {"loss": "NaN"}}],
        reason=None,
        created_at="2026-01-01T00:00:00.000Z",
        started_at=None,
        finished_at=None,
        exit_code=None,
        log_tail=None,
        attributes={"note": "<b>"},
    )


class Shown(Results):
    def __init__(self, *trials: Trial, objectives: Sequence[Any] = (LOSS,)) -> None:
        self.trials = list(trials)
        self.experiment: dict[str, Any] = {
            "spec": {"objectives": list(objectives), "hyperparameters": FORMS},
            **({"pareto": [trials[0]]} if len(objectives) > 1 else {"best": trials[0]}),
        }

    def _results(self) -> tuple[dict[str, Any], Sequence[Trial]]:
        return self.experiment, self.trials


def shapes(plot: Plot, kind: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(plot.svg)
    return [each for each in root.iter() if each.tag.endswith(f"}}{kind}")]


def test_a_trial_has_typed_fields_and_is_the_services_json() -> None:
    one = trial(3, loss="Infinity")
    assert (one.number, one.state, one.values["loss"]) == (3, "COMPLETE", math.inf)
    assert math.isnan(one.reports[0].values["loss"])
    assert isinstance(one.reports[0], Report)
    assert one.created_at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert one.started_at is None
    assert json.loads(json.dumps(one)) == one.json == dict(one)
    assert one["values"] == {"loss": "Infinity", "size": 3.0}
    assert repr(one).startswith("<Trial 3: COMPLETE, loss=inf, size=3; lr=0.01")
    one["reason"] = "it exited with 3"
    assert "COMPLETE (it exited with 3)" in repr(one)


def test_history_has_a_dot_for_each_completed_trial_and_a_falling_line() -> None:
    found = [trial(0, 0.9), trial(1, 0.7), trial(2, 0.8), trial(3, "NaN"), trial(4, 1, "FAIL")]
    plot = Shown(*found).plot_history()
    assert len(shapes(plot, "circle")) == 3
    (line,) = shapes(plot, "polyline")
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert heights == sorted(heights)  # in SVG the lowest loss is the largest y


def test_history_of_a_maximum_rises() -> None:
    plot = plots.history([trial(0), trial(5), trial(2)], SIZE)
    (line,) = shapes(plot, "polyline")
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert heights == sorted(heights, reverse=True)


def test_parallel_has_a_line_for_each_trial_and_the_best_is_last() -> None:
    found = [trial(n, n / 10, opt=opt, noise=9.0) for n, opt in enumerate(["sgd", None, True, 1])]
    lines = shapes(Shown(*found).plot_parallel(), "polyline")
    assert len(lines) == 4
    assert lines[-1].attrib["stroke"] != lines[0].attrib["stroke"]
    heights = {line.attrib["points"].split()[2] for line in lines}
    assert len(heights) == 4  # True and 1 are different choices


def test_slices_have_a_dot_for_each_trial_at_the_place_of_its_hyperparameter() -> None:
    found = [trial(n, n / 10, opt=opt, lr=0.001) for n, opt in enumerate(["sgd", None, True, 1])]
    groups = shapes(Shown(*found, trial(4, state="RUNNING")).plot_slices(), "g")
    places = [[float(dot.attrib["cx"]) for dot in group if "cx" in dot.attrib] for group in groups]
    assert [len(each) for each in places] == [4, 4, 0]
    left, right = svg.LEFT, svg.WIDTH // 3 - svg.RIGHT
    assert places[0] == [pytest.approx(left + (right - left) / 3, abs=0.1)] * 4
    eighth = (right - left) / 8
    # Spread by at most a quarter of the room of a choice.
    assert places[1] == [
        pytest.approx(left + n * eighth, abs=eighth / 2 + 0.1) for n in (1, 3, 5, 7)
    ]
    labels = [label.text for label in groups[1] if label.tag.endswith("text")]
    assert {"None", "True", "1", "sgd", "opt"} <= set(labels)


def test_the_best_line_is_orange_and_the_worst_is_blue() -> None:
    lines = shapes(Shown(trial(0, 0.1), trial(1, 0.9)).plot_parallel(), "polyline")
    assert [line.attrib["stroke"] for line in lines] == [svg.ramp(1), svg.ramp(0)]
    assert lines[1].attrib["points"].split()[0].endswith(f",{svg.HEIGHT - svg.BOTTOM - 6}.0")
    red, blue = int(svg.ramp(0)[1:3], 16), int(svg.ramp(0)[5:], 16)
    assert red > blue
    assert int(svg.ramp(1)[1:3], 16) < int(svg.ramp(1)[5:], 16)


def test_of_many_trials_evenly_many_are_drawn_with_the_best_and_the_last() -> None:
    many = [trial(n, 1 + n) for n in range(5 * svg.MOST + 3)]
    dots = shapes(Shown(*many).plot_history(), "circle")
    assert svg.MOST / 2 < len(dots) <= svg.MOST
    across = [float(dot.attrib["cx"]) for dot in dots]
    assert across[0] < svg.LEFT + 2
    assert across[-1] == svg.WIDTH - svg.RIGHT
    lines = shapes(Shown(*many).plot_parallel(), "polyline")
    assert len(lines) <= svg.MOST
    assert lines[-1].attrib["points"].split()[0].endswith(f",{svg.HEIGHT - svg.BOTTOM - 6}.0")


@pytest.mark.parametrize(
    "values", [(-1.7e308, 0.0, 1.7e308), (0.0, 5e-324), (-5e-324, 5e-324), (5e-324, 1.7e308)]
)
@pytest.mark.parametrize("kind", ["history", "parallel", "slices", "scatter", "importance"])
def test_any_finite_value_has_a_place(kind: str, values: Sequence[float]) -> None:
    found = Shown(*(trial(n, value, lr=0.01 + n / 100) for n, value in enumerate(values * 6)))
    drawn = getattr(found, f"plot_{kind}")().svg
    ElementTree.fromstring(drawn)
    assert "nan" not in drawn
    assert "inf" not in drawn.replace("importance", "")


def test_values_of_very_different_sizes_have_a_logarithmic_axis() -> None:
    found = [trial(n, 10.0**n) for n in range(5)]
    heights = [float(d.attrib["cy"]) for d in shapes(Shown(*found).plot_history(), "circle")]
    assert heights[0] - heights[1] == pytest.approx(heights[3] - heights[4], abs=0.2)


def test_a_trial_without_a_hyperparameter_passes_its_axis_by() -> None:
    one = trial(0)
    assert "noise" not in one.hyperparameters
    (line,) = shapes(Shown(one).plot_parallel(), "polyline")
    assert len(line.attrib["points"].split()) == 3


def test_the_dots_of_a_choice_lie_apart_and_stay_near_it() -> None:
    (_, opt, _) = shapes(Shown(*(trial(n, n) for n in range(40))).plot_slices(), "g")
    across = {float(dot.attrib["cx"]) for dot in opt if "cx" in dot.attrib}
    eighth = (svg.WIDTH // 3 - svg.RIGHT - svg.LEFT) / 8
    assert len(across) > 20
    assert eighth / 2 < max(across) - min(across) <= eighth


def test_each_choice_of_parallel_coordinates_has_its_name_at_its_height() -> None:
    plot = Shown(*(trial(n, n, opt=opt) for n, opt in enumerate(["sgd", 1]))).plot_parallel()
    heights = {each.text: float(each.attrib["y"]) for each in shapes(plot, "text")}
    lines = [line.attrib["points"].split()[2] for line in shapes(plot, "polyline")]
    assert {"sgd", "None", "True", "1"} <= heights.keys()
    for name, point in zip(["1", "sgd"], lines, strict=True):
        assert float(point.split(",")[1]) == pytest.approx(heights[name] - 4)


def test_labels_of_numbers_are_whole_and_written_out() -> None:
    one = [label.text for label in shapes(Shown(trial(0)).plot_history(), "text")]
    assert one[1:3] == ["0", "1"]
    many = shapes(Shown(trial(0), trial(20_000)).plot_history(), "text")
    assert {"5000", "15000", "20000"} <= {label.text for label in many}


def fills(plot: Plot) -> list[str]:
    return [dot.attrib["fill"] for dot in shapes(plot, "circle")]


def test_a_scatter_has_a_dot_for_each_trial_with_both_values_and_the_best_is_last() -> None:
    found = [trial(n, (n - 3) ** 2, noise=float(n)) for n in range(6)]
    shown = Shown(*found, trial(6), trial(7, state="RUNNING", noise=1.0))
    plot = shown.plot_scatter("noise", "loss")
    assert fills(plot) == [svg.ramp(1 - n / 5) for n in range(6)]
    assert shapes(plot, "circle")[-1].attrib["cy"] == f"{svg.HEIGHT - svg.BOTTOM - 6}.0"
    assert len(fills(shown.plot_scatter("trial", "loss"))) == 7
    assert len(fills(shown.plot_scatter("lr", "size"))) == 7
    with pytest.raises(ValueError, match="no trial has a value of 'gone'; known are: lr, opt, "):
        shown.plot_scatter("gone")


def test_a_scatter_shows_the_most_important_hyperparameters_by_default() -> None:
    found = [trial(n, n, noise=n / 10, opt="sgd" if n < 15 else 1) for n in range(30)]
    said = {label.text for label in shapes(Shown(*found).plot_scatter(), "text")}
    assert {"noise", "opt"} <= said
    assert "lr" not in said
    only = Shown(*found)
    only.experiment["spec"]["hyperparameters"] = {"lr": FORMS["lr"]}
    assert {"lr", "loss"} <= {label.text for label in shapes(only.plot_scatter(), "text")}


def reporting(number: int, *losses: Any, loss: Any = 0.5, state: str = "COMPLETE") -> Trial:
    steps = [{"step": step, "values": {"loss": value}} for step, value in enumerate(losses)]
    return Trial(trial(number, loss, state), reports=steps)


def test_curves_have_a_line_for_each_trial_and_the_best_is_strong_and_last() -> None:
    found = [
        reporting(0, 0.9, "NaN", 0.1, loss=0.1),
        reporting(1, 0.9, 0.5),
        reporting(2, 0.9, state="PRUNED"),
    ]
    plot = Shown(*found).plot_curves()
    lines = shapes(plot, "polyline")
    assert [line.attrib["stroke"] for line in lines] == ["#e0a336", svg.DOT, svg.LINE]
    assert [len(line.attrib["points"].split()) for line in lines] == [1, 2, 2]
    said = [label.text for label in shapes(plot, "text")]
    assert [said[-5], said[-3], *said[-2:]] == ["0", "2", "step", "loss"]
    assert "no trial has reported loss" in Shown(trial(0)).plot_curves().svg


def test_curves_are_those_of_the_best_and_the_newest_trials() -> None:
    many = [reporting(n, 1.0, loss=n) for n in range(100)] + [reporting(100, state="WAITING")]
    chosen = [each.number for each in plots.with_curves(many, LOSS)]
    assert chosen == [*range(40), *range(80, 100)]


def ran(
    number: int, start: int, end: int | None, state: str = "COMPLETE", attempt: int = 1
) -> Trial:
    times = [
        f"2026-01-01T00:{s // 60:02}:{s % 60:02}.000Z" if s is not None else None
        for s in (start, end)
    ]
    return Trial(
        trial(number, state=state), started_at=times[0], finished_at=times[1], attempt=attempt
    )


def test_a_timeline_has_a_bar_for_each_trial_in_as_many_lanes_as_ran_at_a_time() -> None:
    found = [ran(0, 0, 60), ran(1, 0, 30, "FAIL"), ran(2, 30, 90), ran(3, 60, None, "RUNNING", 2)]
    now = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    plot = plots.timeline([*found, trial(4, state="WAITING")], now)
    bars = [r for r in shapes(plot, "rect") if float(r.attrib["height"]) > 9]
    tops = [bar.attrib["y"] for bar in bars]
    assert [tops.index(top) for top in tops] == [0, 1, 0, 1, 1]
    widths = [float(bar.attrib["width"]) for bar in bars]
    wide = svg.WIDTH - svg.LEFT - svg.RIGHT
    assert widths[:4] == [
        pytest.approx(wide * share - 0.5, abs=0.1) for share in (0.25, 0.5, 0.5, 0.5)
    ]
    assert len(bars) == 5  # the mark of an attempt after the first
    said = {label.text for label in shapes(plot, "text")}
    assert {"complete", "failed", "running", "0s", "30s", "2m 00s"} <= said
    assert "no trial has started" in Shown(trial(0)).plot_timeline().svg


def test_pareto_shows_the_front_in_another_colour() -> None:
    shown = Shown(trial(0, 0.1), trial(1, 0.2), objectives=(LOSS, SIZE))
    colours = [dot.attrib["fill"] for dot in shapes(shown.plot_pareto(), "circle")]
    assert len(set(colours)) == 2
    with pytest.raises(ValueError, match="two objectives"):
        Shown(trial(0)).plot_pareto()


@pytest.mark.parametrize("kind", ["history", "pareto"])
def test_trials_that_miss_a_constraint_are_grey_and_not_the_best(kind: str) -> None:
    found = [trial(0, 0.3), trial(1, 0.1), trial(2, 0.2), trial(3, 0.4)]
    shown = Shown(*found, objectives=(LOSS, SIZE))
    shown.experiment["spec"]["constraints"] = [{"metric": "loss", "min": 0.15, "max": None}]
    dots = shapes(getattr(shown, f"plot_{kind}")(), "circle")
    grey = [dot.attrib["cx"] for dot in dots if dot.attrib["fill"] == svg.PALE]
    assert len(dots) == 4
    assert len(grey) == 1
    if kind == "history":
        (line,) = shapes(shown.plot_history(), "polyline")
        assert grey[0] not in [point.split(",")[0] for point in line.attrib["points"].split()]


def test_where_every_trial_misses_a_constraint_there_is_no_best_line() -> None:
    bound = [{"metric": "loss", "min": None, "max": 0.1}]
    plot = plots.history([trial(0), trial(1)], LOSS, bound)
    assert len(shapes(plot, "circle")) == 2
    assert shapes(plot, "polyline") == []


@pytest.mark.parametrize("kind", ["parallel", "slices"])
def test_of_many_hyperparameters_the_most_important_ones_are_drawn(kind: str) -> None:
    names = [f"noise{n}" for n in range(40)] + ["main"]
    shown = Shown(*(trial(n, n, **dict.fromkeys(names, 0.5) | {"main": n}) for n in range(30)))
    form = {"type": "float", "min": 0, "max": 30}
    shown.experiment["spec"]["hyperparameters"] = dict.fromkeys(names, form)
    plot = getattr(shown, f"plot_{kind}")()
    said = [label.text for label in shapes(plot, "text")]
    assert said[-1] == "the 12 most important of 41 hyperparameters"
    drawn = [name for name in said if name in ("main", "loss") or (name or "").startswith("no")]
    assert "main" in drawn[:2]
    axes = shapes(plot, "line") if kind == "parallel" else shapes(plot, "g")
    assert len(axes) == (13 if kind == "parallel" else 12)


@pytest.mark.parametrize("value", [0.0, -1e-300, 1e300, 5])
def test_equal_and_extreme_values_are_drawn(value: float) -> None:
    plot = Shown(trial(0, value), trial(1, value)).plot_history()
    for dot in shapes(plot, "circle"):
        assert math.isfinite(float(dot.attrib["cy"]))


def test_the_error_says_that_there_is_nothing_to_plot() -> None:
    shown = Shown(trial(0, state="RUNNING"))
    for plot in (shown.plot_history(), shown.plot_parallel()):
        assert "no trial has completed" in plot.svg


def test_names_are_escaped() -> None:
    objective = {"metric": "<script>", "direction": "minimize"}
    one = trial(0)
    one["values"]["<script>"] = 1.0
    assert "<script>" not in plots.history([one], objective).svg


def test_a_plot_is_saved(tmp_path: Any) -> None:
    plot = Shown(trial(0)).plot_history()
    plot.save(tmp_path / "history.svg")
    saved = (tmp_path / "history.svg").read_text()
    assert [saved.count(tag) for tag in ("<circle", "<style>")] == [1, 1]
    assert len(shapes(Plot(saved), "text")) == len(shapes(plot, "text"))


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def test_a_plot_is_saved_as_png(tmp_path: Any) -> None:
    Shown(trial(0), trial(1)).plot_history().save(tmp_path / "history.PNG")
    png = (tmp_path / "history.PNG").read_bytes()
    assert size_of(png) == (2 * svg.WIDTH, 2 * svg.HEIGHT)
    assert png != svg.empty("no trial").png() != svg.empty("none").png()


def test_text_that_xml_cannot_have_is_replaced() -> None:
    plot = svg.empty("a\0\x1b\ud800&b")
    assert shapes(plot, "text")[0].text == "a\ufffd\ufffd\ufffd&b"
    plot.png()


def test_png_without_resvg_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    with pytest.raises(ImportError, match=r"pip install 'tunelet\[png\]'"):
        Shown(trial(0)).plot_history().png()


def test_png_on_a_machine_without_fonts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    resvg: Any = pytest.importorskip("resvg_py")
    draw = resvg.svg_to_bytes
    monkeypatch.setattr(resvg, "svg_to_bytes", lambda **of: draw(**of, skip_system_fonts=True))
    with pytest.raises(ValueError, match="needs a font"):
        Shown(trial(0)).plot_history().png()


def test_dataframe_without_pandas_and_polars_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Shown(trial(0)).dataframe()


@pytest.mark.libraries
def test_a_dataframe_has_a_row_for_each_trial() -> None:
    pandas = pytest.importorskip("pandas")
    frame = Shown(trial(0, 0.5), trial(1, "NaN", opt=None)).dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["number"]) == [0, 1]
    assert frame["values.loss"].isna().tolist() == [False, True]
    assert frame["hyperparameters.opt"].isna().tolist() == [False, True]
    assert list(frame["attributes.note"]) == ["<b>", "<b>"]


@pytest.mark.libraries
def test_without_pandas_a_dataframe_is_one_of_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    polars = pytest.importorskip("polars")
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    frame = Shown(trial(0, 0.5), trial(1, 0.25, opt=None)).dataframe()
    assert isinstance(frame, polars.DataFrame)
    assert frame["values.loss"].to_list() == [0.5, 0.25]
    assert frame["hyperparameters.opt"].to_list() == ["sgd", None]
