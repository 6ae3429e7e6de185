"""A study's trials in memory, all shown at once and taken back after a suggestion.

`Study.add_trial` copies and checks each trial deeply, which takes 1.3 s for 10,000 trials. Here
the storage is given trials that are never changed and so need no copy: a list is set. Optuna has
no public way to do that, so this reaches into `InMemoryStorage`. Tests name what is assumed of it
(tests/unit/algorithms/optuna/test_storage.py), and compare what samplers suggest with a study that
Optuna itself made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial


class PastTrial(FrozenTrial):
    """Nobody changes it, so it is its own copy."""

    failed = False
    """Its training failed, which Optuna knows only as values and constraints."""

    def __deepcopy__(self, _memo: dict[int, Any]) -> "PastTrial":
        return self


class PastStorage(InMemoryStorage):
    """Holds one study. A trial's id is its number."""

    STUDY = 0

    def __init__(self, directions: Sequence[StudyDirection]) -> None:
        super().__init__()
        self.create_new_study(directions, "past")

    def show(self, trials: Sequence[FrozenTrial], attributes: Mapping[str, Any]) -> None:
        """These are all trials from now on, and all that samplers noted of the study."""
        study, places = self._studies[self.STUDY], self._trial_id_to_study_id_and_number
        study.trials = list(trials)
        study.system_attrs = dict(attributes)
        for number in range(len(trials), len(places)):
            del places[number]
        for number in range(len(places), len(trials)):
            places[number] = self.STUDY, number
        self._max_trial_id = len(trials) - 1

    def withdraw(self) -> None:
        """Forget the newest trial, as if it had never been asked for."""
        study = self._studies[self.STUDY]
        self.show(study.trials[:-1], study.system_attrs)
