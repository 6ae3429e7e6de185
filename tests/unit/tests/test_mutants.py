"""The command for mutants distinguishes killed, surviving and useless ones."""

import subprocess
from pathlib import Path

import pytest

from tests.mutants.__main__ import ALL, ROOT
from tests.mutants.mutant import Mutant, Source, Stale
from tests.mutants.run import Broken, Copy, Result
from tests.mutants.table import rows, table

TEST = """
from code_under_test import larger

def test_larger():
    assert larger(1, 2) == 2
"""
KILLED = Mutant("the smaller is given", "max(a, b)", "min(a, b)")
SURVIVES = Mutant("equal numbers are given twice", "max(a, b)", "b if b > a else a")
BROKEN = Mutant("it cannot be imported", "def larger", "def")


def source(*mutants: Mutant) -> Source:
    return Source("code_under_test.py", ("test_code.py",), mutants)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    root, folder = tmp_path / "root", tmp_path / "copy"
    root.mkdir()
    folder.mkdir()
    (root / "code_under_test.py").write_text("def larger(a, b):\n    return max(a, b)\n")
    (root / "test_code.py").write_text(TEST)
    subprocess.run(["git", "init", "--quiet", root], check=True)
    return Copy(root, folder)


def test_a_mutant_is_killed_by_the_test_that_fails_and_survives_if_none_does(copy: Copy) -> None:
    results = copy.results([source(KILLED, SURVIVES)])
    assert [each.killed_by for each in results] == ["test_code.py::test_larger", None]


def test_a_mutant_with_tests_that_cannot_run_is_neither_killed_nor_alive(copy: Copy) -> None:
    with pytest.raises(Broken, match="it cannot be imported"):
        list(copy.results([source(BROKEN)]))


@pytest.mark.parametrize("text", ["min(a, b)", "a"], ids=["absent", "more than once"])
def test_a_text_that_is_not_in_the_file_exactly_once_is_refused(copy: Copy, text: str) -> None:
    mutant = Mutant("", text, "")
    (stale,) = source(mutant).stale(copy.folder)
    assert "code_under_test.py" in stale
    with pytest.raises(Stale):
        list(copy.results([source(mutant)]))


def test_tests_that_do_not_exist_are_named(copy: Copy) -> None:
    mutant = KILLED._replace(tests=("test_gone.py::test_any",))
    assert ["test_gone.py" in each for each in source(mutant).stale(copy.folder)] == [True]


def test_every_fault_can_still_be_put_into_the_code() -> None:
    assert [wrong for each in ALL for wrong in each.stale(ROOT)] == []


def test_a_run_of_some_mutants_leaves_the_rows_of_the_others() -> None:
    all_of_them = source(KILLED, SURVIVES, BROKEN)
    first = [
        Result(all_of_them, KILLED, "tests/a.py::test_it[x|y]"),
        Result(all_of_them, SURVIVES, None),
    ]
    before = table(first, [all_of_them])
    assert "3 mutants, 1 survive, 1 are not run yet." in before
    after = table([Result(all_of_them, SURVIVES, "tests/b.py::test_b")], [all_of_them], before)
    assert "3 mutants, 0 survive, 1 are not run yet." in after
    assert list(rows(after).values()) == ["`a.py::test_it[x\\|y]`", "`b.py::test_b`", "not run yet"]
    gone = table([], [source(KILLED)], after)
    assert "1 mutants, 0 survive." in gone
    assert rows(gone).keys() == {("code_under_test.py", KILLED.fault)}
