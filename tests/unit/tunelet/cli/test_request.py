"""A request as files and flags say it."""

from pathlib import Path
from typing import Any

import click
import pytest

from tunelet.cli.request import parse, put, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("10", 10),
        ("010", 10),
        ("-3", -3),
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("", None),
        ("12:30:45", "12:30:45"),
        ("2026-11-23", "2026-11-23"),
        ("1_000", "1_000"),
        ("'1'", "1"),
        ("-.inf", float("-inf")),
        (".", "."),
    ],
)
def test_yaml_is_read_by_its_core_schema(text: str, value: object) -> None:
    read_value = parse(f"x: {text}", "request.yaml")["x"]

    assert read_value == value
    assert type(read_value) is type(value)


def test_yaml_may_be_written_as_json_is() -> None:
    assert parse("{x: [1, a], y: {z: 2}}", "request.yaml") == {"x": [1, "a"], "y": {"z": 2}}


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', "a: 1\na: 2", '{"x": {"a": 1, "a": 2}}', "x:\n  a: 1\n  a: 2"]
)
def test_a_duplicate_name_is_refused(text: str) -> None:
    with pytest.raises(click.ClickException, match="the name 'a' occurs twice"):
        parse(text, "request")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": }', "request: the text is not JSON: Expecting value .line 1, column 7"),
        ("a: [1", "request is not YAML: .* at line 1, column 6"),
        ("a: \x00", "request is not YAML: "),
        ("!!python/object:os.system {}", "request is not YAML: could not determine a constructor"),
    ],
)
def test_unreadable_text_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(click.ClickException, match=message):
        parse(text, "request")


def bomb(layers: int, width: int = 9) -> str:
    """YAML of a few bytes per layer that expands to `width` to the power of `layers` values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, layers + 1)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9), "request contains more than 1000000 values, aliases written out"),
        (bomb(100, width=1), "request is nested deeper than 64 levels at line 6"),
        ("a: &a [*a]", "request contains an alias of an object that contains the alias"),
        ("[" * 1000, "request is nested deeper than 64 levels"),
        ("x: " + "{a: " * 1000, "request is nested deeper than 64 levels"),
        ("- " * 1000 + "a", "request is nested deeper than 64 levels"),
        ('{"a":' * 1000, "request: the text is nested deeper than 64 levels"),
        ("a: " + "9" * 5000, "request: the integer 9+ does not fit into 64 bits"),
        ('{"a": ' + "9" * 5000 + "}", "request: the integer 9+ does not fit into 64 bits"),
        ("a: 1e999", "request: the number 1e999 is out of range"),
        ('{"a": NaN}', "request: NaN is not JSON"),
        ('{"a": "\\ud800"}', "request: a string contains half of a surrogate pair"),
        ('{"a": "\udcff"}', "request: the text is not UTF-8"),
        ("a: !!binary aGk=", "could not determine a constructor"),
        ("a: !!timestamp 2026-11-23", "could not determine a constructor"),
        ("b: &b {c: 1}\na: {!!merge <<: *b}", "could not determine a constructor"),
    ],
)
def test_a_request_that_would_take_long_or_fail_later_is_refused_here(
    text: str, message: str
) -> None:
    with pytest.raises(click.ClickException, match=message):
        parse(text, "request")


def test_an_alias_is_replaced_by_its_value() -> None:
    text = "a: &a {x: 1}\nb: [*a, *a]"

    assert parse(text, "request.yaml") == {"a": {"x": 1}, "b": [{"x": 1}, {"x": 1}]}


@pytest.mark.parametrize("setting", ["x=" + "9" * 5000, "x=NaN", 'x={"a": 1, "a": 2}'])
def test_a_setting_that_is_json_is_read_as_strictly_as_a_file(setting: str) -> None:
    with pytest.raises(click.UsageError, match=r"64 bits|NaN is not JSON|occurs twice"):
        put({}, setting)


@pytest.mark.parametrize("text", ["[1]", "3", "", "null"])
def test_a_request_is_an_object(tmp_path: Path, text: str) -> None:
    file = tmp_path / "request.yaml"
    file.write_text(text)

    with pytest.raises(click.ClickException, match="is not a request"):
        read(str(file))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"missing\.json: No such file"):
        read(str(tmp_path / "missing.json"))


@pytest.mark.parametrize(
    ("setting", "result"),
    [
        ("max_trials=5", {"max_trials": 5}),
        ("name=digits", {"name": "digits"}),
        ('name="5"', {"name": "5"}),
        ("a.b.c=1e-3", {"a": {"b": {"c": 1e-3}}}),
        ('p={"type": "int"}', {"p": {"type": "int"}}),
        ("command=a=b", {"command": "a=b"}),
        ("x=", {"x": ""}),
    ],
)
def test_a_setting_puts_one_field(setting: str, result: dict[str, Any]) -> None:
    request: dict[str, Any] = {}

    put(request, setting)

    assert request == result


def test_a_setting_keeps_its_neighbours() -> None:
    request = {"hyperparameters": {"lr": {"min": 0, "max": 1}}}

    put(request, "hyperparameters.lr.max=2")

    assert request == {"hyperparameters": {"lr": {"min": 0, "max": 2}}}


@pytest.mark.parametrize("setting", ["x", "=1", "a..b=1", "code.image=x"])
def test_a_setting_that_leads_nowhere_is_refused(setting: str) -> None:
    with pytest.raises(click.UsageError, match="--set"):
        put({"code": "image"}, setting)
