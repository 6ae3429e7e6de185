"""Every code block of the documents is run or checked, and the few that are not are counted."""

from collections import Counter
from pathlib import Path

import pytest

from tests.documents.blocks import Block, blocks, pages, read
from tests.documents.checks import check, values
from tests.documents.output import differs
from tests.documents.reader import Reader, commands
from tests.documents.screen import shown

ALL = [block for page in pages() for block in blocks(page)]
NOT_RUN = {
    "needs a bucket": 1,
    "needs a cluster": 13,
    "needs PyTorch": 1,
    "needs Ray": 1,
    "a file of another product": 1,
    # These are neither commands nor their output.
    "a layout of keys": 1,
    "an order of events": 1,
    "a filter of the page": 1,
}
"""How many blocks are not run, by the reason that each has."""
NEEDS = {"the built page": 1, "Slurm": 1}
"""How many blocks run only where this is: in a built checkout, and in suites of their own."""


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.place)
def test_a_block_is_correct_as_far_as_it_can_be_seen_without_running_it(block: Block) -> None:
    assert block.language, "a code block is fenced and has a language"
    check(block)


def test_the_blocks_that_are_not_run_are_counted() -> None:
    assert Counter(block.directives["not run"] for block in ALL if block.skipped) == NOT_RUN


def test_the_blocks_that_need_more_than_a_checkout_are_counted() -> None:
    needs = Counter(block.directives["needs"] for block in ALL if "needs" in block.directives)
    assert needs == NEEDS


def test_the_first_pages_fit_a_terminal_of_80_columns() -> None:
    first = [block for block in ALL if block.place.startswith(("README", "docs/start/"))]
    lines = [(block.place, line) for block in first for line in block.text.splitlines()]
    assert [(place, line) for place, line in lines if len(line) > 80] == []


def one(text: str) -> Block:
    (block,) = read(text, "page.md")
    return block


def follow(text: str, folder: Path) -> None:
    Reader(folder, list(read(text, "page.md"))).follow()


def test_a_block_has_its_place_language_title_and_directives() -> None:
    block = one('# Page\n\n<!-- numbers differ -->\n\n```python title="a.py"\nprint(1)\n```\n')
    assert block.place == "page.md:5"
    assert (block.language, block.title, block.text) == ("python", "a.py", "print(1)\n")
    assert block.directives == {"numbers differ": ""}


def test_a_block_in_a_list_is_found() -> None:
    assert one("1. First\n\n   ```sh\n   ls\n   ```\n").text == "ls\n"


def test_a_block_without_fences_has_no_language() -> None:
    assert one("Text\n\n    tunelet up\n").language == ""


def test_an_unknown_directive_is_refused() -> None:
    with pytest.raises(AssertionError, match="skip it"):
        one("<!-- skip it -->\n\n```sh\nls\n```\n")


def test_a_directive_without_a_block_is_refused() -> None:
    with pytest.raises(AssertionError, match="no code block"):
        one("<!-- numbers differ -->\n\nText\n\n```sh\nls\n```\n")


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"a": }\n```',
        '```json\n{"a": 1}\n```',
        '```json\n{"model_training_code": "a", "hyperparameters": {"x": {"type": "flaot"}}}\n```',
        '<!-- part of: metrics -->\n```json\n{"pattern": "("}\n```',
        '<!-- reads as: quotas -->\n```json\n{"default": {"experimentz": 1}}\n```',
        "<!-- reads as: kustomization -->\n```yaml\nresources: [infra/knative/none]\n```",
        '<!-- reads as: stores -->\n```json\n{"vision": {"link": "s3://bucket"}}\n```',
        "<!-- reads as: conditions -->\n```text\nstatus.phase=Succeeded\n```",
        '<!-- reads as: a tuning job -->\n```json\n{"TrainingJobDefinition": '
        '{"AlgorithmSpecification": {}}, "HyperParameterTuningJobConfig": {"Strategy": 1}}\n```',
        "```toml\na = \n```",
        "```sh\nif true\n```",
        "<!-- not run: a -->\n```sh\ntunelet tenants list\n```",
        "<!-- not run: a -->\n```sh\ntunelet tenant create a --cpus 1 > a.yaml  # b\n```",
        "```python\nprint(\n```",
        "```diff\n-a\n+b\n```",
    ],
)
def test_an_incorrect_block_is_found(text: str) -> None:
    with pytest.raises(Exception, match=r".+"):
        check(one(text))


def test_members_of_an_object_may_come_without_braces_a_line_each() -> None:
    assert list(values('"a": 1\n"b": {"c":\n  2}\n')) == [{"a": 1}, {"b": {"c": 2}}]
    assert list(values('{"a":\n1}')) == [{"a": 1}]


@pytest.mark.parametrize(
    ("expected", "written"),
    [
        ("a  b", "a b\n"),
        ("a … c", "a b b c"),
        ("a\n…\nd", "a\nb\nc\nd"),
        ("a\n…", "a\nb"),
        ("…\nb", "b"),
    ],
)
def test_an_output_may_leave_out_text(expected: str, written: str) -> None:
    assert differs(expected, written) is None


@pytest.mark.parametrize(
    ("expected", "written"),
    [("a", "b"), ("a", "a\nb"), ("a\nb", "a"), ("a … c", "a b d"), ("a\n…\nd", "a\nb"), ("1", "2")],
)
def test_another_output_is_found(expected: str, written: str) -> None:
    assert differs(expected, written) is not None


def test_numbers_times_and_small_plots_may_differ_where_the_page_says_so() -> None:
    assert differs("loss=0.5  █▁  21s", "loss=1.25e-05  ▃▂▁  1m 2s", any_numbers=True) is None
    assert differs("loss=0.5", "loss=nan", any_numbers=True) is not None
    assert differs("x=1", "y=1", any_numbers=True) is not None


def test_a_console_block_has_commands_with_their_outputs() -> None:
    text = "$ echo a \\\n    b\na b\n$ true\n"
    assert commands(text) == [("echo a \\\n    b", "a b"), ("true", "")]


def test_a_terminal_shows_the_last_text_of_each_line() -> None:
    assert shown("one\r\ntwo\r\n\x1b[1A\x1b[2K\x1b[32mthree\x1b[0m\r\n") == "one\nthree\n"
    assert shown("10%\r20%") == "20%"


def test_blocks_share_a_shell_an_interpreter_and_a_folder(tmp_path: Path) -> None:
    follow(
        '```sh title="a.txt"\nhello\n```\n```sh\nmkdir b && cd b\nexport NAME=value\n```\n'
        "```console\n$ cat ../a.txt\nhello\n$ echo $NAME\nvalue\n```\n"
        "```python\nfound = 1\n```\n```python\nprint(found + 1)\n```\n```text\n2\n```\n",
        tmp_path,
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("```sh\nfalse\ntrue\n```", "page.md:1: exit code 1"),
        ("```sh\necho a\n```\n```text\nb\n```", "page.md:4: the document shows"),
        ("```console\n$ echo a\nb\n```", "page.md:1: the document shows"),
        ("```python\n1 / 0\n```", "ZeroDivisionError"),
        ("```text\na\n```", "no block before"),
        ("<!-- given: false -->\n```sh\ntrue\n```", "page.md:2: exit code 1"),
        ("<!-- fails -->\n```sh\ntrue\n```", "exit code 1"),
        ("<!-- at least one: b -->\n```console\n$ echo 0 b\n0 b\n```", "none is b"),
        ('```sh title="../a"\nhello\n```', "not in the reader's folder"),
    ],
)
def test_a_page_that_is_wrong_is_found(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=fault):
        follow(text, tmp_path)


def test_commands_before_a_block_run_out_of_sight(tmp_path: Path) -> None:
    follow(
        "<!-- given:\necho a > b\nexport NAME=value\n-->\n"
        "```console\n$ cat b\na\n$ echo $NAME\nvalue\n```\n",
        tmp_path,
    )


def test_a_command_may_have_to_fail(tmp_path: Path) -> None:
    follow("<!-- fails -->\n```console\n$ echo a; false\na\n```\n", tmp_path)


def test_what_is_in_a_bucket_or_on_another_machine_is_here(tmp_path: Path) -> None:
    follow(
        "```sh\nmkdir -p bucket /backup/2026\nu=s3://bucket/prefix\n"
        'test "$u" = "file://$PWD/bucket/prefix"\ntest -d backup/2026\n```\n'
        "```console\n$ echo http://HOST https://tunelet.example/a\n"
        "http://127.0.0.1 http://127.0.0.1:8080/a\n```\n",
        tmp_path,
    )


def test_a_block_that_needs_a_thing_runs_only_where_it_is(tmp_path: Path) -> None:
    text = "<!-- needs: Slurm -->\n<!-- given: touch given -->\n```sh\ntouch ran\n```\n"
    for place, has in (("a", set[str]()), ("b", {"Slurm"})):
        (tmp_path / place).mkdir()
        Reader(tmp_path / place, list(read(text, "page.md")), has).follow()
    assert [(tmp_path / place / "page" / "ran").exists() for place in "ab"] == [False, True]
    assert (tmp_path / "a" / "page" / "given").exists()


def test_commands_of_a_terminal_see_one(tmp_path: Path) -> None:
    follow("<!-- in a terminal -->\n```console\n$ test -t 1 && echo yes\nyes\n```\n", tmp_path)


def test_the_output_of_an_earlier_command_can_be_shown_later(tmp_path: Path) -> None:
    follow(
        "```sh\necho a\n```\n```sh\necho b\n```\n<!-- output of: echo a -->\n```text\na\n```\n",
        tmp_path,
    )
