"""An in-memory storage for Optuna's study that sets all trials at once.

`Study.add_trial` copies and checks each trial deeply, which takes 1.3 s for 10,000 trials. Here the
trials never change and need no copy, so the storage sets a list. Optuna has no public way to do
that, so this class uses private attributes of `InMemoryStorage`. Tests check the assumptions about
them (tests/unit/algorithms/optuna/test_storage.py), and compare suggestions with those on a study
that Optuna itself made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial


class PastTrial(FrozenTrial):
    """A trial that never changes, so it is its own deep copy."""

    failed = False
    """Whether its training failed. Optuna's trial shows that only in values and constraints."""

    def __deepcopy__(self, _memo: dict[int, Any]) -> "PastTrial":
        return self


class PastStorage(InMemoryStorage):
    """A storage of one study, in which a trial's id is its number."""

    STUDY = 0

    def __init__(self, directions: Sequence[StudyDirection]) -> None:
        super().__init__()
        self.create_new_study(directions, "past")

    def show(self, trials: Sequence[FrozenTrial], attributes: Mapping[str, Any]) -> None:
        """Replace all trials, and all system attributes of the study."""
        study, places = self._studies[self.STUDY], self._trial_id_to_study_id_and_number
        study.trials = list(trials)
        study.system_attrs = dict(attributes)
        for number in range(len(trials), len(places)):
            del places[number]
        for number in range(len(places), len(trials)):
            places[number] = self.STUDY, number
        self._max_trial_id = len(trials) - 1

    def withdraw(self) -> None:
        """Remove the newest trial."""
        study = self._studies[self.STUDY]
        self.show(study.trials[:-1], study.system_attrs)
