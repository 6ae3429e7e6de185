"""The collector beside the real service: what it reads arrives, whatever happens in between."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.collector.__main__ import collect
from adapters.collector.settings import Settings

TFEVENTS = Path(__file__).parents[1] / "unit" / "tfevents"
Wait = Callable[[Callable[[], object]], None]


class Trial:
    """A trial that runs as long as the test, with a collector beside it."""

    def __init__(self, service: Any, folder: Path, wait: Wait, **request: Any) -> None:
        self._service, self._folder = service, folder
        service.client.submit(
            {
                "name": "beside",
                "model_training_code": "trainer",
                "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
                "metrics": {"source": "push"},
                "max_trials": 1,
                **request,
            }
        )
        env = folder / "env"
        wait(lambda: env.exists() and env.read_text().endswith("\n\n"))
        lines = env.read_text().splitlines()
        self.env = dict(line.partition("=")[::2] for line in lines if line.startswith("TUNELET_"))
        self.stop, self.told = folder / "stopped", folder / "told"
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
        arguments = (Settings.of(environ), self.ended, str(self.told), patience)
        self._thread = threading.Thread(target=collect, args=arguments, daemon=True)
        self._thread.start()

    def end(self) -> dict[str, Any]:
        """The training has ended; the collector's last words."""
        assert self._thread is not None
        self.ended.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        return json.loads(self.told.read_text())["values"]  # type: ignore[no-any-return]

    @property
    def reports(self) -> dict[int, Any]:
        trial = self._service.client.trial("beside", 0)
        return {report["step"]: report["values"] for report in trial["reports"]}


@pytest.fixture
def service(up: Callable[..., Any], tmp_path: Path) -> Any:
    trainer = tmp_path / "trainer.sh"
    trainer.write_text(f"(env; echo) > {tmp_path}/env; exec sleep 600\n")
    return up("--alias", f"trainer=sh {trainer}")


@pytest.fixture
def trial(service: Any, tmp_path: Path, wait: Wait) -> Iterator[Trial]:
    made = Trial(service, tmp_path, wait)
    yield made
    made.ended.set()


def test_lines_of_a_file_are_reported_while_they_are_written(
    trial: Trial, tmp_path: Path, wait: Wait
) -> None:
    trial.collect(source="file", path=str(tmp_path / "metrics.txt"))
    with (tmp_path / "metrics.txt").open("w") as file:
        for step in range(1, 4):
            print(f"loss={1 / step}", file=file, flush=True)
            wait(lambda step=step: step in trial.reports)
        file.write("accuracy=0.5 loss=0.125")
    assert trial.end() == {"loss": 0.125, "accuracy": 0.5}
    assert trial.reports == {
        1: {"loss": 1.0},
        2: {"loss": 0.5},
        3: {"loss": 1 / 3},
        4: {"loss": 0.125, "accuracy": 0.5},
    }
    assert not trial.stop.exists()


def test_event_files_are_reported_while_they_grow(trial: Trial, tmp_path: Path, wait: Wait) -> None:
    written = (TFEVENTS / "tensorboardx.tfevents").read_bytes()
    logs = tmp_path / "logs"
    trial.collect(source="tensorboard", path=str(logs))
    logs.mkdir()
    with (logs / "events.out.tfevents.1").open("wb") as file:
        file.write(written[:200])
        file.flush()
        wait(lambda: 1 in trial.reports)
        file.write(written[200:])
    assert trial.end()["loss"] == 0.25
    assert trial.reports[3] == {
        "loss": pytest.approx(1 / 3),
        "val/accuracy": pytest.approx(0.8),
        "odd": "NaN",
    }


def test_while_the_service_is_away_nothing_is_lost(
    trial: Trial, service: Any, tmp_path: Path, wait: Wait
) -> None:
    trial.collect(source="file", format="json", path=str(tmp_path / "metrics.json"))
    with (tmp_path / "metrics.json").open("w") as file:
        print('{"loss": 1.0}', file=file, flush=True)
        wait(lambda: 1 in trial.reports)
        service.kill()
        for step in range(2, 2002):
            print(json.dumps({"loss": 1 / step}), file=file, flush=True)
        wait(lambda: trial.told.read_text() == '{"values":{"loss":%r}}' % (1 / 2001))
        service.start()
        wait(lambda: len(trial.reports) == 2001)
    assert trial.end() == {"loss": 1 / 2001}


def test_where_the_service_stays_away_the_last_words_have_the_values(
    trial: Trial, service: Any, tmp_path: Path
) -> None:
    trial.collect(0.1, source="file", path=str(tmp_path / "metrics.txt"))
    service.kill()
    (tmp_path / "metrics.txt").write_text("loss=0.5\n")
    assert trial.end() == {"loss": 0.5}


def test_when_the_service_says_stop_there_is_a_file_that_says_so(
    service: Any, tmp_path: Path, wait: Wait
) -> None:
    rule = {"name": "threshold", "settings": {"upper": 1.0}}
    trial = Trial(service, tmp_path, wait, objective={"metric": "loss"}, early_stopping=rule)
    trial.collect(source="file", path=str(tmp_path / "metrics.txt"))
    with (tmp_path / "metrics.txt").open("w") as file:
        print("loss=0.5", file=file, flush=True)
        wait(lambda: 1 in trial.reports)
        assert not trial.stop.exists()
        print("loss=7", file=file, flush=True)
        wait(trial.stop.exists)
    assert service.client.trial("beside", 0)["state"] == "PRUNED"
    assert trial.end() == {"loss": 7.0}


def test_a_token_of_another_trial_reports_nothing_and_ends_as_well(
    trial: Trial, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trial.env |= {"TUNELET_TRIAL_TOKEN": "forged"}
    trial.collect(source="file", path=str(tmp_path / "metrics.txt"))
    (tmp_path / "metrics.txt").write_text("loss=0.5\n")
    assert trial.end() == {"loss": 0.5}
    assert trial.reports == {}
    assert "not reported: the service answers 40" in capfd.readouterr().err


def test_nothing_of_the_service_is_imported() -> None:
    """For there is one in every pod: each import is memory."""
    listed = subprocess.run(
        [sys.executable, "-c", "import sys, adapters.collector.__main__; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ).stdout.split()
    ours = {name for name in listed if name.startswith(("tunelet", "adapters", "functions"))}
    assert not {"pydantic", "kubernetes", "re2", "urllib3", "numpy"} & set(listed)
    assert {name for name in ours if not name.startswith("adapters.collector")} <= {
        *("adapters", "adapters.growing", "adapters.tensorboard"),
        *("tunelet", "tunelet.errors", "tunelet.metrics", "tunelet.pattern"),
        *("tunelet.tfevents", "tunelet.trial"),
    }
