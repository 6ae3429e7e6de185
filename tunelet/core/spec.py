"""A typed view of a spec: the validated request, with its defaults filled in, as the log keeps it.

The log, the answers and the fingerprints need the JSON as it was written, so `Experiment.spec`
stays a dictionary. Code that needs one of its fields reads it here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tunelet.core.metrics_source import MetricsSource


class Choice(msgspec.Struct, frozen=True):
    """An algorithm or a stopping rule by its name, with settings."""

    name: str
    settings: dict[str, Any] = {}


class Source(msgspec.Struct, frozen=True):
    """An experiment to learn from (`warm_start`)."""

    name: str
    uid: str = ""
    trials: int = 0
    """Its trials below this number count."""


class Spec(NamedTuple):
    """Reads the fields of one spec."""

    json: Mapping[str, Any]

    @property
    def namespace(self) -> str:
        return str(self.json["namespace"])

    @property
    def name(self) -> str:
        return str(self.json["name"])

    @property
    def code(self) -> Mapping[str, Any]:
        """`model_training_code`: {"image", "command", …} or {"manifest", …}."""
        found: Mapping[str, Any] = self.json.get("model_training_code", {})
        return found

    @property
    def bad_exit_codes(self) -> tuple[int, ...]:
        return tuple(self.code.get("bad_exit_codes", ()))

    @property
    def keeps_output(self) -> bool:
        return bool(self.json.get("keep_output", True))

    @property
    def kept_checkpoints(self) -> int | None:
        """Of how many of the best trials the checkpoints are kept; None: of all trials."""
        found: int | None = self.json.get("keep_checkpoints")
        return found

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """Each hyperparameter's JSON form by its name."""
        found: Mapping[str, Any] = self.json.get("hyperparameters", {})
        return found

    @property
    def define_by_run(self) -> bool:
        """Whether trials choose their hyperparameters while they run."""
        return bool(self.json.get("define_by_run"))

    @property
    def algorithm(self) -> Choice:
        return msgspec.convert(self.json["hpo_algorithm"], Choice)

    @property
    def early_stopping(self) -> list[Choice]:
        return msgspec.convert(self.json.get("early_stopping", []), list[Choice])

    @property
    def warm_start(self) -> list[Source]:
        return msgspec.convert(self.json.get("warm_start", []), list[Source])

    @property
    def metrics(self) -> MetricsSource:
        source = msgspec.convert(self.json["metrics"], MetricsSource)
        return msgspec.structs.replace(
            source,
            objectives=tuple(each["metric"] for each in self.json["objectives"]),
            constraints=tuple(each["metric"] for each in self.json.get("constraints", ())),
        )

    @property
    def timeout(self) -> float | None:
        """Seconds that an attempt may run; None: any time."""
        found: float | None = self.json["trial_timeout_seconds"]
        return found

    @property
    def seed(self) -> int | None:
        """The algorithm's seed, if the request has one."""
        found: int | None = self.json["seed"]
        return found

    @property
    def kept_seconds(self) -> float | None:
        """Seconds from the end to the deletion; None: kept until someone deletes it."""
        found: float | None = self.json.get("ttl_seconds_after_finished")
        return found
