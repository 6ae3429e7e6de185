"""Tables in a terminal of any width."""

import re
from unicodedata import combining

from hypothesis import given
from hypothesis import strategies as st

from tunelet.cli.table import lines
from tunelet.client.report import Rows


def plain(table: Rows, columns: int | None = None) -> list[str]:
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines(table, columns)]


def test_numbers_meet_at_their_decimal_points() -> None:
    table = Rows(("LOSS",), (("0.5",), ("12",), ("3.25",)))

    assert plain(table) == [" LOSS", " 0.5", "12", " 3.25"]


def test_numbers_with_exponents_are_flush_right() -> None:
    assert plain(Rows(("A",), (("1e-05",), ("0.5",)))) == ["    A", "1e-05", "  0.5"]


def test_wide_letters_take_two_columns() -> None:
    assert plain(Rows(("A", "B"), (("模型", "x"), ("ab", "y"))))[1:] == ["模型  x", "ab    y"]


def test_headings_give_way_before_texts_and_texts_before_nothing() -> None:
    table = Rows(("learning_rate", "NOTE"), (("0.01352", "a long and winding note"),))

    assert plain(table, 32) == ["learni…  NOTE", "0.01352  a long and winding note"]
    assert plain(table, 20) == ["learni…  NOTE", "0.01352  a long and…"]


def test_a_long_text_gives_way_before_headings() -> None:
    table = Rows(("learning_rate", "NOTE"), (("0.01352", "no luck " * 10),))

    assert plain(table, 47) == [
        "learning_rate  NOTE",
        "      0.01352  no luck no luck no luck no luck…",
    ]


def test_names_give_way_last() -> None:
    table = Rows(("NAME", "SUMMARY"), (("optuna.BruteForceSampler", "every assignment once"),))

    assert plain(table, 34)[1] == "optuna.BruteForceSampler  every a…"


def test_a_file_gets_everything() -> None:
    long = "x" * 500

    assert plain(Rows(("NOTE",), ((long,),))) == ["NOTE", long]


def test_the_output_of_a_trial_cannot_control_the_terminal() -> None:
    shown = lines(Rows(("NOTE",), (("\x1b[2Jgone\nnext\u202e",),)), None)

    assert shown[1] == " [2Jgone next"


@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=5),
    st.integers(20, 120),
)
def test_no_text_is_wider_than_the_terminal(rows: list[tuple[str, str]], columns: int) -> None:
    # A number is never cut, so that one digit more could not pass for another number.
    texts = tuple((f"a{left}", f"b{right}") for left, right in rows)

    shown = plain(Rows(("ONE", "TWO"), texts), columns)

    # A combining character takes no column of its own.
    assert all(len([c for c in line if not combining(c)]) <= columns for line in shown)
