"""A notebook with a real kernel: the progress of `tune`, and what a cell shows of its result."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.libraries

SEARCH = """
from tunelet import tune
def objective(trial):
    return trial.suggest_float("x", -5, 5) ** 2
found = tune(objective, trials=12, algorithm="random_search", store=STORE, name="cell")
"""


def executed(folder: Path, *cells: str) -> list[list[Any]]:
    """The outputs of each cell."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    sources = [f"STORE = {folder.as_uri()!r}", *cells]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    client.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells[1:]]


def test_progress_is_one_output_that_is_replaced_and_a_plot_is_shown(tmp_path: Path) -> None:
    searched, shown = executed(tmp_path, SEARCH, "found")
    pages = [out.data["text/html"] for out in searched if out.output_type == "display_data"]
    assert len(pages) == 1
    assert 'value="12"' in pages[0]
    assert "cell: 12 of 12 ended; best objective=" in pages[0]
    [result] = [out for out in shown if out.output_type == "execute_result"]
    assert "<svg" in result.data["text/html"]
    assert "text/plain" in result.data


def test_plots_and_tables_are_outputs_of_cells(tmp_path: Path) -> None:
    cells = ["found.plot_history()", "found.plot_importance()", "found.dataframe()"]
    _, *shown = executed(tmp_path, SEARCH, *cells)
    kinds = [set(outputs[-1].data) for outputs in shown]
    assert kinds[0] >= {"image/svg+xml"}
    assert kinds[1] >= {"image/svg+xml"}
    assert "text/html" in kinds[2]
