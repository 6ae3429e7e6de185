"""Hyperparameters that are written as flags."""

import click
import pytest

from tunelet.cli.space_flags import space


def test_ranges_and_choices_become_the_forms_of_a_request() -> None:
    assert space(
        ("lr=1e-4:0.1:log", "m=0:1:0.1"), ("layers=1:8", "b=8:64:8"), ("opt=sgd,adam",)
    ) == {
        "lr": {"type": "float", "min": 1e-4, "max": 0.1, "log": True},
        "m": {"type": "float", "min": 0, "max": 1, "step": 0.1},
        "layers": {"type": "int", "min": 1, "max": 8},
        "b": {"type": "int", "min": 8, "max": 64, "step": 8},
        "opt": {"type": "categorical", "choices": ["sgd", "adam"]},
    }


def test_choices_that_are_numbers_or_booleans_stay_so() -> None:
    assert space((), (), ("a=16,0.5,true,x",))["a"]["choices"] == [16, 0.5, True, "x"]


@pytest.mark.parametrize("text", ["", "lr", "lr=", "=1:2", "lr=1", "lr=1:", "lr=1:2:3:4", "lr=a:b"])
def test_a_malformed_range_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(click.UsageError, match="NAME=MIN:MAX"):
        space((text,), (), ())


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("x=1:0", "1 is not below 0; write the smaller one first"),
        ("x=2:2", "2 is not below 2; --choice x=2 fixes it"),
    ],
)
def test_a_range_in_the_wrong_order_is_refused_as_a_flag(text: str, remedy: str) -> None:
    for given in (((text,), ()), ((), (text,))):
        with pytest.raises(click.UsageError, match=remedy):
            space(*given, ())


@pytest.mark.parametrize("text", ["n=1.5:2", "n=1:true", "n=1:2:log:log"])
def test_a_malformed_range_of_whole_numbers_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="--int"):
        space((), (text,), ())


@pytest.mark.parametrize("text", ["", "o", "o=", "=a"])
def test_a_malformed_choice_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(click.UsageError, match="NAME=A,B"):
        space((), (), (text,))


def test_all_malformed_ones_are_shown_at_once() -> None:
    with pytest.raises(click.UsageError, match=r"--float .*'x=0'; --int n=2:1.*; --choice .*'o'"):
        space(("x=0",), ("n=2:1",), ("o",))


def test_a_name_is_given_once() -> None:
    with pytest.raises(click.UsageError, match="x is given twice"):
        space(("x=0:1",), ("x=1:2",), ())
