"""A trial of a running service, for tests that report for it in its training's place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "beside"


class Trainer:
    """A local training that only keeps its environment and waits: trial 0 of an experiment."""

    def __init__(self, start: Callable[..., Any], folder: Path, *options: str) -> None:
        self._env = folder / "env"
        script = folder / "trainer.sh"
        script.write_text(f"(env; echo) > {self._env}; exec sleep 3600\n")
        self.service = start("--alias", f"trainer=sh {script}", *options)

    def submit(self, **request: Any) -> None:
        self.service.client.submit(
            {
                "name": NAME,
                "model_training_code": "trainer",
                "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
                "metrics": {"source": "push"},
                "max_trials": 1,
                **request,
            }
        )

    @property
    def started(self) -> bool:
        return self._env.exists() and self._env.read_text().endswith("\n\n")

    @property
    def env(self) -> dict[str, str]:
        """The variables of the training contract."""
        lines = self._env.read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines if line.startswith("TUNELET_"))

    @property
    def trial(self) -> Any:
        return self.service.client.trial(NAME, 0)

    @property
    def reports(self) -> dict[int, dict[str, Any]]:
        return {report["step"]: report["values"] for report in self.trial["reports"]}
