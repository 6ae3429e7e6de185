"""The classes in the page on plugins meet the contracts of their ports."""

import re
from pathlib import Path
from typing import Any

import pytest

from algorithms import load_catalog
from algorithms.catalog.plugins import settings
from tests.contracts.algorithms import LOSS
from tunelet import ports
from tunelet.core.curves import Curves
from tunelet.core.problem import Demands, Problem
from tunelet.core.trial import Report, Trial, TrialState
from tunelet.space import Space

README = Path(__file__).resolve().parents[4] / "examples" / "plugin" / "README.md"
SPACE = Space.of(
    {
        "lr": {"type": "float", "min": 0.001, "max": 1.0, "scale": "log"},
        "depth": {"type": "int", "min": 1, "max": 9, "when": {"lr": {"min": 0.1}}},
    }
)


def code(name: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    (block,) = (str(each) for each in blocks if f"class {name}" in each)
    return block


def documented(name: str) -> type[Any]:
    names: dict[str, Any] = {}
    exec(code(name), names)
    found = names[name]
    assert isinstance(found, type)
    return found


def curves(*histories: list[float | str]) -> Curves:
    """The curves of running trials with these values, one after another."""
    found = Curves(LOSS)
    for number, values in enumerate(histories):
        reports = tuple(Report(step, {"objective": one}) for step, one in enumerate(values))
        found.take(Trial(number, {}, 0.0, TrialState.RUNNING, reports=reports))
    return found


def test_the_documented_algorithm_suggests_valid_assignments_from_its_arguments_alone() -> None:
    made, problem = documented("MySearch"), Problem(SPACE, (LOSS,), 1, 5)
    answer = made().suggest(problem, [], 3)
    assert len(answer.assignments) == 3
    assert all(not SPACE.problems(each) for each in answer.assignments)
    assert made().suggest(problem, [], 3) == answer


def test_the_documented_rule_stops_at_nan_and_accepts_a_trial_without_reports() -> None:
    known = curves([], [0.5], [0.5, "NaN"])
    rule = documented("StopAtNan")()
    assert [rule.stops(known, number) for number in range(3)] == [None, None, "its value is NaN"]
    assert rule.ends(known) is None


def test_the_documented_rule_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (group,) = re.findall(r"entry-points.\"(tunelet.early_stopping)\"", README.read_text())
    (tmp_path / "my_rules.py").write_text(code("StopAtNan"))
    metadata = tmp_path / "my_rules-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-rules\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\nstop_at_nan = my_rules:StopAtNan\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog = load_catalog()
    assert catalog.rule_problems("stop_at_nan", {}, Demands(SPACE, 1, 1), "early_stopping") == []
    (several,) = catalog.rule_problems("stop_at_nan", {}, Demands(SPACE, 2), "early_stopping")
    assert several.field == "objectives"
    assert catalog.rule("stop_at_nan", {}).stops(curves(["NaN"]), 0) == "its value is NaN"


@pytest.mark.parametrize("name", ["MySearch", "StopAtNan"])
def test_a_documented_class_without_an_initializer_has_no_settings(name: str) -> None:
    assert settings(documented(name)) == ()


@pytest.mark.parametrize("port", [ports.Algorithm, ports.StoppingRule])
def test_the_example_in_a_ports_docstring_is_the_one_of_the_page(port: type[Any]) -> None:
    shown = re.findall(r"class (\w+):", port.__doc__ or "")
    assert shown
    assert all(f"class {name}:" in README.read_text() for name in shown)
