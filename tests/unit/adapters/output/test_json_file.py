"""JSON files that are written while they are read, in each way that training code writes them."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.output import json_file
from adapters.output.json_file import DOCUMENT_BYTES, JsonFile
from tunelet.core.metrics_source import MetricsSource
from tunelet.training.metrics import Parser

METRICS = MetricsSource(format="json", step="step")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.json"


@pytest.fixture
def file(path: Path) -> JsonFile:
    return JsonFile(str(path), Parser(METRICS))


def read(file: JsonFile) -> list[tuple[int, dict[str, object]]]:
    found = []
    while reports := file.read():
        found += [(report.step, dict(report.values)) for report in reports]
    return found


def replace(path: Path, text: str) -> None:
    """As careful programs do: at once."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def test_an_object_a_line_is_read_as_lines_are_added(file: JsonFile, path: Path) -> None:
    assert read(file) == []
    with path.open("w") as out:
        for step in range(3):
            out.write(json.dumps({"loss": step / 2}))
            out.flush()
            early = read(file)
            out.write("\n")
            out.flush()
            assert early + read(file) == [(step + 1, {"loss": step / 2})]
    assert file.close() == []


def test_lines_that_are_added_while_the_file_is_read_count_once(
    file: JsonFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line comes between the two readings of one look."""
    looks = json_file._has_lines

    def and_a_line_comes(begin: bytes) -> bool:
        found = looks(begin)
        with path.open("a") as out:
            out.write(json.dumps({"step": 2, "loss": 0.25}) + "\n")
        monkeypatch.setattr(json_file, "_has_lines", looks)
        return found

    monkeypatch.setattr(json_file, "_has_lines", and_a_line_comes)
    path.write_text(json.dumps({"step": 1, "loss": 0.5}) + "\n")
    found = read(file)
    with path.open("a") as out:
        out.write(json.dumps({"step": 3, "loss": 0.125}) + "\n")
    found += read(file)
    assert found == [(1, {"loss": 0.5}), (2, {"loss": 0.25}), (3, {"loss": 0.125})]


def test_an_object_that_is_overwritten_after_each_epoch_counts_each_time(
    file: JsonFile, path: Path
) -> None:
    for write in (path.write_text, lambda text: replace(path, text)):
        for end in ("", "\n"):
            for indent in (None, 2):
                before = len(file._parser.reports)
                write(json.dumps({"loss": 0.5, "end": len(end)}, indent=indent) + end)
                assert read(file) == [(before + 1, {"loss": 0.5, "end": float(len(end))})]
                write(json.dumps({"loss": 0.4, "end": len(end)}, indent=indent) + end)
                assert read(file) == [(before + 2, {"loss": 0.4, "end": float(len(end))})]
                assert read(file) == []


def test_a_growing_list_gives_the_added_objects(file: JsonFile, path: Path) -> None:
    history: list[dict[str, float]] = []
    for epoch in range(4):
        history.append({"loss": 1.0 / (epoch + 1)})
        replace(path, json.dumps(history, indent=epoch % 2 or None))
        assert read(file) == [(epoch + 1, history[-1])]


def test_a_document_that_is_half_written_is_looked_at_again(file: JsonFile, path: Path) -> None:
    text = json.dumps([{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}], indent=1)
    found = []
    for end in range(0, len(text), 7):
        path.write_text(text[:end])
        found += read(file)
    path.write_text(text)
    assert found + read(file) == [(1, {"loss": 0.5}), (2, {"loss": 0.25})]
    assert file.close() == []
    assert file.fault is None


def test_the_readable_part_before_an_incomplete_end_is_read(file: JsonFile, path: Path) -> None:
    path.write_text('{"loss": 0.5}\n{"loss": 0.2')
    assert read(file) == [(1, {"loss": 0.5})]
    assert file.close() == []


def test_many_lines_are_read_however_many_bytes_they_have(file: JsonFile, path: Path) -> None:
    lines = [json.dumps({"step": step, "loss": 0.5, "pad": "x" * 250}) for step in range(5000)]
    path.write_text("\n".join(lines))
    assert path.stat().st_size > DOCUMENT_BYTES
    found = [step for step, _ in read(file)] + [report.step for report in file.close()]
    assert found == list(range(5000))


def ways(steps: int) -> dict[str, str]:
    """The same values in each form that has more than one of them."""
    members = [{"step": n, "loss": n / 2, "text": '},{"loss": 9}\\" é['} for n in range(steps)]
    lines = "\n".join(map(json.dumps, members))
    return {
        "lines": lines,
        "a list": json.dumps(members),
        "a list over several lines": json.dumps(members, indent=2, ensure_ascii=False),
        "objects after each other": "\n".join(json.dumps(each, indent=1) for each in members),
    }


@pytest.mark.parametrize("way", ways(0))
@settings(max_examples=20)
@given(steps=st.integers(2, 9), cuts=st.lists(st.integers(0, 1500), max_size=6).map(sorted))
def test_the_result_does_not_depend_on_how_a_file_grows(
    tmp_path_factory: pytest.TempPathFactory, way: str, steps: int, cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("grown") / "metrics.json"
    text = ways(steps)[way].encode()
    parser = Parser(METRICS)
    file = JsonFile(str(path), parser)
    with path.open("wb") as out:
        for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            out.write(text[begin:end])
            out.flush()
            read(file)
    file.close()
    assert file.fault is None
    assert [(each.step, each.values["loss"]) for each in parser.reports] == [
        (n, n / 2) for n in range(steps)
    ]
    assert parser.values["loss"] == (steps - 1) / 2


@pytest.mark.parametrize("way", ["lines", "a list"])
def test_a_file_of_any_size_is_read_to_its_end(file: JsonFile, path: Path, way: str) -> None:
    path.write_text(ways(16_000)[way])
    assert path.stat().st_size > DOCUMENT_BYTES
    while file.read() or file.more:
        pass
    file.close()
    assert file._parser.values["loss"] == 15_999 / 2


def test_a_file_that_was_written_again_with_the_same_beginning_is_read_again(
    file: JsonFile, path: Path
) -> None:
    """With as many bytes, and within the resolution of the file's time."""
    lines = [json.dumps({"step": step, "loss": 8}) for step in range(40)]
    for last in (8, 5):
        with path.open("r+" if path.exists() else "w") as out:
            out.write("\n".join([*lines, json.dumps({"step": 40, "loss": last}) + "\n"]))
        state = path.stat()
        read(file)
        os.utime(path, ns=(state.st_atime_ns, 0))
    file.close()
    assert file._parser.values["loss"] == 5


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[{"loss": 1}, {"loss": 2}', "not complete JSON"),
        ('[{"loss": 1}, {"lo', "not complete JSON"),
        ('[{"loss": 1}, ~, {"loss": 2}]', "not complete JSON"),
        ('{\n "loss": 1,\n "history": [\n  {"loss": 3}\n', "not complete JSON"),
        ('[{"loss": 1}, 2]', "not complete JSON"),
        ('[[1], {"loss": 1}]', None),
        ('{"loss": 1, "pad": "' + "x" * (1 << 20) + '"}', "an object of more than 1 MiB"),
    ],
)
def test_an_incomplete_document_gives_the_reason(
    file: JsonFile, path: Path, text: str, fault: str | None
) -> None:
    path.write_text(text)
    assert file.read() is not None
    file.close()
    assert fault is None or fault in str(file.fault)


def test_a_log_line_in_brackets_makes_no_document(file: JsonFile, path: Path) -> None:
    path.write_text('[INFO] begins\n{"loss": 0.5}\n')
    assert read(file) + [(each.step, each.values) for each in file.close()] == [(1, {"loss": 0.5})]
    assert file.fault is None


def test_neither_a_fifo_nor_a_link_is_followed(file: JsonFile, path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text('{"loss": 1}')
    path.symlink_to(secret)
    assert read(file) == []
