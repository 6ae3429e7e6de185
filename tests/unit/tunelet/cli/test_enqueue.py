"""Trials as a file says them."""

from typing import Any

import click
import pytest

from tunelet.cli.enqueue import trials

ONE, TWO = {"x": 1}, {"x": 2}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[{"x": 1}, {"x": 2}]', [ONE, TWO]),
        ('{"trials": [{"x": 1}, {"x": 2}]}', [ONE, TWO]),
        ('{"x": 1}\n\n{"x": 2}\n', [ONE, TWO]),
        ('{"x": 1}', [ONE]),
        ('{\n "x": 1\n}', [ONE]),
        ("- x: 1\n- x: 2\n", [ONE, TWO]),
        ("x: 1", [ONE]),
        ('{"trials": 3}', [{"trials": 3}]),
    ],
)
def test_trials_may_be_a_list_lines_or_one(text: str, found: list[Any]) -> None:
    assert trials(text, "a file") == found


@pytest.mark.parametrize("text", ["", "[]", "3", '{"x": 1}\n{"x": }', '{"trials": []}'])
def test_a_file_without_trials_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(click.ClickException, match="a file"):
        trials(text, "a file")
