"""Files and event files are read to their end, whatever is in them."""

from pathlib import Path
from threading import Event
from typing import Any

from adapters.collector.settings import CollectorSettings
from adapters.collector.sources import reports
from tests.unit.tunelet.training.test_tfevents import TORCH, framed
from tunelet.core.metrics_source import MetricsSource
from tunelet.training.metrics import Parser


def read(**metrics: Any) -> tuple[dict[str, Any], bool]:
    """The newest values of an ended training's file, and whether all of it was read."""
    given = MetricsSource(step="step", objectives=("loss",), **metrics)
    environ = dict.fromkeys(CollectorSettings._fields, "")
    settings = CollectorSettings(**environ | {"metrics": given, "reporting": True})  # type: ignore[arg-type]
    parser, ended = Parser(given), Event()
    ended.set()
    found = reports(settings, parser, ended)
    try:
        while True:
            next(found)
    except StopIteration as end:
        return dict(parser.values), end.value


def test_event_files_are_read_on_after_many_without_a_scalar(tmp_path: Path) -> None:
    images = framed(bytes(1 << 20)) * 6
    (tmp_path / "events.out.tfevents.1").write_bytes(images + TORCH)
    values, whole = read(source="tensorboard", path=str(tmp_path))
    assert (values["loss"], whole) == (0.25, True)
