"""TensorFlow event files, read as they grow.

`tfevents/tensorboardx.tfevents` was written by tensorboardX 2.6.5 (scalars, a histogram, a text,
an image), `tfevents/tensorboard.tfevents` by tensorboard 2.21 with scalars as TensorFlow 2 writes
them, in each form that a tensor may have.
"""

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.output.tensorboard import FILES as MOST_FILES
from adapters.output.tensorboard import EventFolder
from tunelet.core.metrics_source import MetricsSource
from tunelet.training.metrics import Parser
from tunelet.training.tfevents import RECORD_BYTES, EventFile, Scalar, masked_crc32c, scalars

FILES = Path(__file__).parent / "tfevents"
TORCH = (FILES / "tensorboardx.tfevents").read_bytes()
TENSORFLOW = (FILES / "tensorboard.tfevents").read_bytes()


def framed(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    crcs = [struct.pack("<I", masked_crc32c(each)) for each in (head, data)]
    return head + crcs[0] + data + crcs[1]


def test_a_file_of_tensorboardx_gives_its_scalars_and_nothing_else() -> None:
    found = EventFile().feed(TORCH)
    assert [(s.step, s.tag) for s in found] == [
        *((step, tag) for step in (1, 2, 3) for tag in ("loss", "val/accuracy")),
        *((3, "odd"), (4, "odd"), (4, "loss")),
    ]
    assert [s.value for s in found if s.tag == "loss"] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert [math.isnan(s.value) or s.value for s in found if s.tag == "odd"] == [True, math.inf]


def test_scalars_of_tensorflow_2_stand_in_tensors_of_any_form() -> None:
    found = EventFile().feed(TENSORFLOW)
    assert [s.value for s in found if s.tag == "epoch_loss"] == pytest.approx(
        [1, 1 / 2, 1 / 3, 1 / 8]
    )
    assert [s for s in found if s.tag != "epoch_loss"] == [Scalar(3, "precise", 0.1)]


@given(st.lists(st.integers(0, len(TENSORFLOW)), max_size=8).map(sorted))
def test_the_result_does_not_depend_on_the_chunks_of_a_file(cuts: list[int]) -> None:
    file, found = EventFile(), list[Scalar]()
    for begin, end in zip([0, *cuts], [*cuts, len(TENSORFLOW)], strict=True):
        found += file.feed(TENSORFLOW[begin:end])
    assert found == EventFile().feed(TENSORFLOW)


def test_large_records_are_passed_over_without_being_held() -> None:
    large = framed(bytes(RECORD_BYTES + 1))
    file = EventFile()
    for at in range(0, len(large), 1000):
        assert file.feed(large[at : at + 1000]) == []
        assert len(file._data) <= 1000
    assert file.feed(TENSORFLOW) == EventFile().feed(TENSORFLOW)


def test_after_an_unconfirmed_length_nothing_is_read() -> None:
    file = EventFile()
    assert file.feed(b"\xff" + TENSORFLOW[1:]) == []
    assert file.broken
    assert file.feed(TENSORFLOW) == []


@given(st.binary(max_size=200))
def test_bytes_that_are_not_an_event_do_no_harm(data: bytes) -> None:
    assert all(isinstance(each, Scalar) for each in scalars(data))


def test_a_folder_is_read_as_its_files_grow_and_subfolders_name_their_metrics(
    tmp_path: Path,
) -> None:
    parser = Parser(MetricsSource(step="step"))
    folder = EventFolder(str(tmp_path), parser)
    assert folder.read(1 << 20) == []
    log = tmp_path / "events.out.tfevents.1.host"
    log.write_bytes(TORCH[:1000])
    before = folder.read(1 << 20)
    with log.open("ab") as file:
        file.write(TORCH[1000:])
    (tmp_path / "validation").mkdir()
    (tmp_path / "validation" / "events.out.tfevents.1.host").write_bytes(TENSORFLOW)
    (tmp_path / "events.out.tfevents.2.host").symlink_to(log)
    (tmp_path / "notes.txt").write_text("loss=9")
    assert before + folder.read(1 << 20)
    assert folder.read(1 << 20) == []
    merged = {report.step: report.values for report in parser.reports}
    assert merged[0] == {"validation/epoch_loss": 1.0}
    assert merged[4] == {"loss": 0.25, "odd": "Infinity"}
    assert merged[3]["odd"] == "NaN"


def event(step: int, value: float, beside: int = 0) -> bytes:
    """A scalar `loss`, and after it a record of `beside` bytes without one."""
    inner = b"\x0a\x04loss\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(inner)]) + inner
    data = b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary
    return framed(data) + (struct.pack("<QI", beside, _masked(beside)) + bytes(beside + 4))


def _masked(length: int) -> int:
    return masked_crc32c(struct.pack("<Q", length))


def test_event_files_are_read_to_their_end_however_much_comes_before_a_scalar(
    tmp_path: Path,
) -> None:
    log = tmp_path / "events.out.tfevents.1"
    log.write_bytes(b"".join(event(step, 100 - step, 1 << 20) for step in range(1, 21)))
    for limit in (1 << 20, 1 << 40):
        parser = Parser(MetricsSource(step="step"))
        folder = EventFolder(str(tmp_path), parser)
        folder.read(limit)
        while folder.more:
            folder.read(limit)
        folder.close()
        assert folder.fault is None
        assert parser.values == {"loss": 80.0}
        assert len(parser.reports) == 20


@settings(max_examples=20)
@given(st.lists(st.integers(0, len(TENSORFLOW)), max_size=8).map(sorted))
def test_the_result_does_not_depend_on_how_an_event_file_grows(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("grown")
    grown, whole = Parser(MetricsSource(step="step")), Parser(MetricsSource(step="step"))
    folder = EventFolder(str(path), grown)
    for begin, end in zip([0, *cuts], [*cuts, len(TENSORFLOW)], strict=True):
        with (path / "tfevents").open("ab") as file:
            file.write(TENSORFLOW[begin:end])
        folder.read(1000)
    folder.close()
    EventFolder(str(path), whole).close()
    assert grown.reports == whole.reports
    assert grown.values == whole.values


def test_an_incomplete_record_is_a_fault_only_in_the_middle(
    tmp_path: Path,
) -> None:
    log, good = tmp_path / "tfevents", event(1, 3)
    for text, fault in (
        (good + event(2, 2)[:-10], None),
        (good + bytes(20), f"tfevents is not an event file from byte {len(good)} on"),
    ):
        log.write_bytes(text)
        folder = EventFolder(str(tmp_path), Parser(MetricsSource(step="step")))
        folder.close()
        assert folder.fault == fault


def test_more_event_files_than_are_read_are_a_fault(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        (tmp_path / f"tfevents.{number}").touch()
    folder = EventFolder(str(tmp_path), Parser(MetricsSource(step="step")))
    folder.close()
    assert folder.fault == "there are more than 1,000 event files"
