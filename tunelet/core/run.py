"""A run: one attempt of one trial, as launchers start and observe it. Pure data."""

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.trial import Chosen, Outcome, Report

COMMAND = "command"
"""The image of training code that is a command without an image, for the service's own machine."""


class Run(NamedTuple):
    """One attempt of one trial: what a launcher starts at most once."""

    namespace: str
    experiment: str
    uid: str
    """Distinguishes an experiment from earlier ones of the same name."""
    number: int
    attempt: int

    @property
    def name(self) -> str:
        """The deterministic name of the run's Job, at most 63 characters."""
        return f"{self.experiment}-{self.uid[:6]}-{self.number}-{self.attempt}"


class Life(NamedTuple):
    """An experiment from its submission to its deletion."""

    namespace: str
    experiment: str
    uid: str


def by_life(versions: Mapping[Run, str]) -> dict[Life, dict[Run, str]]:
    """Group runs, each with the version of its state, by their lives."""
    found = defaultdict[Life, dict[Run, str]](dict)
    for run, version in versions.items():
        found[Life(*run[:3])][run] = version
    return dict(found)


class Launch(msgspec.Struct, frozen=True):
    """All data that a launcher needs to start a run, with placeholders resolved."""

    run: Run
    code: dict[str, Any]
    """`model_training_code` of the spec: {"image", "resources", …} or {"manifest": …}."""
    command: tuple[str, ...]
    """Replaces the image's entrypoint; empty: keeps it."""
    args: tuple[str, ...]
    env: dict[str, str]
    metrics: MetricsSource
    """The spec's `metrics`: where and how the launcher finds values in the output."""
    timeout: float | None = None
    """Seconds after which the launcher ends the run as a failure; None: never."""
    store: str = ""
    """The identity of the store that launches it, for `Launcher.origin`."""
    digest: str = ""
    """Of the trial's hyperparameters, for `Observation.digest`; empty: not known."""


class Phase(StrEnum):
    ABSENT = "ABSENT"
    """No run of that name was started here, or nothing of it is left."""
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class Observation(msgspec.Struct, frozen=True):
    """A launcher's view of a run now. `outcome` is set if and only if the run has ended."""

    phase: Phase
    reports: tuple[Report, ...] = ()
    outcome: Outcome | None = None
    waiting: str | None = None
    """Why an active run does not begin, or does not end, if that can be seen."""
    chosen: Chosen | None = None
    """The hyperparameters that the run has chosen itself (define-by-run)."""
    removed: bool = False
    """The run was launched, and its removal has begun since."""
    began: float | None = None
    """When the run began, in seconds since the epoch, if the launcher is `in_process`."""
    digest: str = ""
    """`Launch.digest` of the run. A run's name repeats if an older copy of the store is restored,
    so this shows whether it is the trial's own. Empty: not known."""
