"""Long lines are broken between words, and command lines so that a shell takes them as one."""

import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from tunelet.cli.wrapping import command, introduced, prose

WORDS = st.lists(st.text(min_size=1, max_size=30).filter(lambda word: "\0" not in word), min_size=1)
TEXT = "error: the first 3 trials failed alike: the training exited with 1"


def test_prose_is_broken_between_words_and_keeps_them_all() -> None:
    broken = prose(TEXT, 24, taken=3, indent="  ")
    first, *others = broken.splitlines()
    assert len(first) <= 21
    assert others
    assert all(len(line) <= 24 and line.startswith("  ") for line in others)
    assert broken.split() == TEXT.split()


def test_a_word_longer_than_a_line_stays_whole() -> None:
    address = "https://example.com/" + "a" * 40
    assert prose(f"see {address} now", 20).splitlines() == ["see", address, "now"]


def test_colours_take_no_room() -> None:
    assert prose("\x1b[31mred\x1b[0m word", 8) == "\x1b[31mred\x1b[0m word"


def test_nothing_is_broken_that_goes_to_a_file() -> None:
    assert prose(TEXT * 9, None) == TEXT * 9
    assert command(["python", "a b"] * 50, None) == shlex.join(["python", "a b"] * 50)


def test_a_command_that_fits_is_on_one_line() -> None:
    assert command(["python", "train.py"], 80, taken=63) == "python train.py"
    assert "\n" in command(["python", "train.py"], 80, taken=66)


@given(WORDS, st.integers(20, 100))
def test_a_broken_command_is_the_same_for_a_shell(words: list[str], columns: int) -> None:
    broken = command(words, columns, taken=20)
    assert shlex.split(broken.replace(" \\\n", " ")) == words


def test_a_shell_runs_a_broken_command() -> None:
    words = ["printf", "%s|", *(f"--parameter-{number}=0.1 {number}" for number in range(9))]
    broken = command(words, 40)
    assert len(broken.splitlines()) > 4
    assert max(map(len, broken.splitlines())) <= 40
    assert subprocess.check_output(broken, shell=True) == subprocess.check_output(words)


def test_no_line_before_a_broken_command_ends_with_a_blank() -> None:
    assert introduced("again:", ["python", "train.py"], 40) == "again: python train.py"
    assert introduced("again:", ["python", "train.py"], 20).splitlines()[0] == "again:"
