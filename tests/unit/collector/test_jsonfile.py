"""JSON files that are written while they are read, in each way that training code writes them."""

import json
from pathlib import Path

import pytest

from adapters.collector.jsonfile import DOCUMENT_BYTES, JsonFile
from tunelet.metrics import Parser

METRICS = {"format": "json", "step": "step"}


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


def test_a_list_that_grows_gives_what_was_added(file: JsonFile, path: Path) -> None:
    history: list[dict[str, float]] = []
    for epoch in range(4):
        history.append({"loss": 1.0 / (epoch + 1)})
        replace(path, json.dumps(history, indent=epoch % 2 or None))
        assert read(file) == [(epoch + 1, history[-1])]


def test_a_document_that_is_half_written_is_looked_at_again(file: JsonFile, path: Path) -> None:
    text = json.dumps([{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}], indent=1)
    for end in range(0, len(text), 7):
        path.write_text(text[:end])
        assert read(file) == []
    path.write_text(text)
    assert read(file) == [(1, {"loss": 0.5}), (2, {"loss": 0.25})]


def test_of_an_end_that_is_no_json_what_can_be_read_is(file: JsonFile, path: Path) -> None:
    path.write_text('{"loss": 0.5}\n{"loss": 0.2')
    assert read(file) == [(1, {"loss": 0.5})]
    assert file.close() == []


def test_many_lines_are_read_however_many_bytes_they_have(file: JsonFile, path: Path) -> None:
    lines = [json.dumps({"step": step, "loss": 0.5, "pad": "x" * 90}) for step in range(5000)]
    path.write_text("\n".join(lines))
    assert path.stat().st_size > DOCUMENT_BYTES
    found = [step for step, _ in read(file)] + [report.step for report in file.close()]
    assert found == list(range(5000))


def test_neither_a_fifo_nor_a_link_is_followed(file: JsonFile, path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text('{"loss": 1}')
    path.symlink_to(secret)
    assert read(file) == []
