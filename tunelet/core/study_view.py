"""What a caller sees of a study: the study as of one moment, and the trials that have changed."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.core.problem import Objective
from tunelet.core.trial import Trial


class View(NamedTuple):
    """A study as of one moment."""

    number: int
    name: str
    """As its library calls it."""
    experiment: str
    """The name of its experiment."""
    objectives: Sequence[Objective]
    attributes: Mapping[str, Any]
    system: Mapping[str, Any]


class Since(NamedTuple):
    """What a caller knows of a study: its trials after entry `seq`."""

    seq: int = 0
    lowest: int = 0
    """It knows all trials below this number, and they have ended."""


NOTHING = Since(lowest=1 << 48)
"""Of a reader that needs the study only: the number is above every trial's."""


class Changed(NamedTuple):
    """A study after entry `seq`, and at least the trials that have changed since another entry."""

    study: View
    seq: int
    trials: Sequence[Trial]
    """By number. All since the other entry, and perhaps more."""


class Committed(NamedTuple):
    """What came of commands."""

    named: Sequence[Trial]
    """The trial that each command creates, takes, changes or ends, as it is afterwards."""
    changed: Changed
    """What has changed since the caller read last, with the commands."""
    more: bool = False
    """Whether `changed` lacks some of the trials: read again."""


def view(experiment: Experiment) -> View:
    """Return the study that the experiment is."""
    study = experiment.study
    assert study is not None
    return View(
        number=int(study["number"]),
        name=str(study["name"]),
        experiment=experiment.name,
        objectives=experiment.terms.objectives,
        attributes=experiment.attributes or {},
        system=experiment.system or {},
    )
