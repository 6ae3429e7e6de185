"""The collector with the real service: values arrive through any fault between them."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.collector.collect import collect
from adapters.collector.settings import CollectorSettings
from tests.e2e.beside import Trainer

TFEVENTS = Path(__file__).parents[1] / "unit/tunelet/training/tfevents"
RULE = {"name": "threshold", "settings": {"upper": 5.0}}
Wait = Callable[[Callable[[], object]], None]


class Beside:
    """A collector beside a trial."""

    def __init__(self, trainer: Trainer, folder: Path) -> None:
        self.env = trainer.env
        self.stop, self.message = folder / "stopped", folder / "message"
        self.ended = threading.Event()
        self._thread: threading.Thread | None = None

    def collect(self, patience: float = 60.0, **metrics: Any) -> None:
        environ = self.env | {
            "TUNELET_METRICS": json.dumps({"objectives": ["loss"], "step": "step"} | metrics),
            "TUNELET_STOP_FILE": str(self.stop),
            "TUNELET_CONTAINER": "training",
            "POD_NAME": "pod",
            "POD_NAMESPACE": "default",
        }
        arguments = (CollectorSettings.of(environ), self.ended, str(self.message), patience)
        self._thread = threading.Thread(target=collect, args=arguments, daemon=True)
        self._thread.start()

    def end(self) -> dict[str, Any]:
        """End the training; returns the values of the collector's termination message."""
        assert self._thread is not None
        self.ended.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        message = json.loads(self.message.read_text())
        assert message["read"] is True
        return message["values"]  # type: ignore[no-any-return]


@pytest.fixture
def trainer(up: Callable[..., Any], tmp_path: Path) -> Trainer:
    return Trainer(up, tmp_path)


@pytest.fixture
def beside(trainer: Trainer, tmp_path: Path, wait: Wait) -> Iterator[Beside]:
    trainer.submit(objective={"metric": "loss"}, early_stopping=RULE)
    wait(lambda: trainer.started)
    made = Beside(trainer, tmp_path)
    yield made
    made.ended.set()


def test_lines_of_a_file_are_reported_while_they_are_written(
    beside: Beside, trainer: Trainer, tmp_path: Path, wait: Wait
) -> None:
    beside.collect(source="file", path=str(tmp_path / "metrics.txt"))
    with (tmp_path / "metrics.txt").open("w") as file:
        for step in range(1, 4):
            print(f"loss={1 / step}", file=file, flush=True)
            wait(lambda step=step: step in trainer.reports)
        file.write("accuracy=0.5 loss=0.125")
    assert beside.end() == {"loss": 0.125, "accuracy": 0.5}
    assert trainer.reports == {
        1: {"loss": 1.0},
        2: {"loss": 0.5},
        3: {"loss": 1 / 3},
        4: {"loss": 0.125, "accuracy": 0.5},
    }
    assert not beside.stop.exists()


def test_event_files_are_reported_while_they_grow(
    beside: Beside, trainer: Trainer, tmp_path: Path, wait: Wait
) -> None:
    written = (TFEVENTS / "tensorboardx.tfevents").read_bytes()
    logs = tmp_path / "logs"
    beside.collect(source="tensorboard", path=str(logs))
    logs.mkdir()
    with (logs / "events.out.tfevents.1").open("wb") as file:
        file.write(written[:200])
        file.flush()
        wait(lambda: 1 in trainer.reports)
        file.write(written[200:])
    assert beside.end()["loss"] == 0.25
    assert trainer.reports[3] == {
        "loss": pytest.approx(1 / 3),
        "val/accuracy": pytest.approx(0.8),
        "odd": "NaN",
    }


def test_while_the_service_is_away_nothing_is_lost(
    beside: Beside, trainer: Trainer, tmp_path: Path, wait: Wait
) -> None:
    beside.collect(source="file", format="json", path=str(tmp_path / "metrics.json"))
    with (tmp_path / "metrics.json").open("w") as file:
        print('{"loss": 1.0}', file=file, flush=True)
        wait(lambda: 1 in trainer.reports)
        trainer.service.kill()
        for step in range(2, 2002):
            print(json.dumps({"loss": 1 / step}), file=file, flush=True)
        expected = '{"read":false,"values":{"loss":%r}}' % (1 / 2001)
        wait(lambda: beside.message.read_text() == expected)
        trainer.service.start()
        wait(lambda: len(trainer.reports) == 2001)
    assert beside.end() == {"loss": 1 / 2001}


def test_the_termination_message_has_the_values_if_the_service_does_not_answer(
    beside: Beside, trainer: Trainer, tmp_path: Path
) -> None:
    beside.collect(0.1, source="file", path=str(tmp_path / "metrics.txt"))
    trainer.service.kill()
    (tmp_path / "metrics.txt").write_text("loss=0.5\n")
    assert beside.end() == {"loss": 0.5}


def test_the_stop_file_appears_when_the_service_asks_to_stop(
    beside: Beside, trainer: Trainer, tmp_path: Path, wait: Wait
) -> None:
    beside.collect(source="file", path=str(tmp_path / "metrics.txt"))
    with (tmp_path / "metrics.txt").open("w") as file:
        print("loss=0.5", file=file, flush=True)
        wait(lambda: 1 in trainer.reports)
        assert not beside.stop.exists()
        print("loss=7", file=file, flush=True)
        wait(beside.stop.exists)
    assert trainer.trial["state"] == "PRUNED"
    assert beside.end() == {"loss": 7.0}


def test_a_token_of_another_trial_reports_nothing_and_ends_as_well(
    beside: Beside, trainer: Trainer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    beside.env |= {"TUNELET_TRIAL_TOKEN": "forged"}
    beside.collect(source="file", path=str(tmp_path / "metrics.txt"))
    (tmp_path / "metrics.txt").write_text("loss=0.5\n")
    assert beside.end() == {"loss": 0.5}
    assert trainer.reports == {}
    assert "not reported: the service answers 40" in capfd.readouterr().err
