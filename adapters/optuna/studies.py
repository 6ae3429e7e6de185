"""The studies of one namespace of a store, as used by this process."""

import time
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from optuna.exceptions import DuplicatedStudyError

from adapters.optuna.caller import Caller
from adapters.optuna.life import Life
from adapters.optuna.names import Named, claimed, experiment_name, found
from adapters.optuna.soon import Soon
from adapters.optuna.study import Study
from tunelet.core import commands
from tunelet.core.experiment import Experiment
from tunelet.errors import Conflict, NotFound
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Marker, Markers, announcing
from tunelet.log.parallel import at_once
from tunelet.ports import Store
from tunelet.store_probe import Probed

LIBRARY = "optuna"


class Studies:
    """The studies of a namespace. Thread-safe."""

    def __init__(self, store: Store, namespace: str) -> None:
        self.store = store
        self.namespace = namespace
        self.caller = Caller()
        self._probed = Probed(store)
        self._journals = Journals(store)
        self._markers = Markers(store, time.time)
        self._soon = Soon()
        self._open: dict[int, Study] = {}

    def create(self, study_name: str, directions: Sequence[str]) -> int:
        """Create a study and return its number. Raises `DuplicatedStudyError` if the name exists.

        If the process dies meanwhile, a number stays unused, or a marker stays until it expires.
        """
        from tunelet.request.study import study_spec

        name = experiment_name(study_name)
        if self._existing(name) is not None:
            raise _duplicate(study_name, name)
        self._probed.ensure()
        marker = Marker(self.namespace, name, token_hex(8), 0)
        number = claimed(self.store, self.namespace, Named(name, marker.uid))
        study = {"number": number, "name": study_name}
        spec = study_spec(self.namespace, name, study, LIBRARY, directions)
        self._markers.set(marker)
        try:
            self._journals.of(self.namespace, name).commit(commands.Submit(marker.uid, spec))
        except Conflict:
            self._markers.retract(marker)
            raise _duplicate(study_name, name) from None
        self.store.delete(marker.key)  # no sweep has to look at it
        return number

    def named(self, study_name: str) -> int:
        """Return the number of the study of this name. Raises `KeyError`."""
        experiment = self._existing(experiment_name(study_name))
        study = None if experiment is None else experiment.study
        if study is None or study["name"] != study_name:
            raise KeyError(f"there is no study {study_name!r}")
        return int(study["number"])

    def study(self, number: int) -> Study:
        """Return a study that exists or was deleted. Raises `KeyError` if it never existed."""
        opened = self._open.get(number)
        if opened is not None:
            return opened
        named = found(self.store, self.namespace, number) if isinstance(number, int) else None
        if named is None:
            raise KeyError(f"there is no study {number}")
        journal = self._journals.of(self.namespace, named.name)
        made = Study(Life(journal, number, named.uid), self.caller, self._soon)
        return self._open.setdefault(number, made)

    def delete(self, number: int) -> None:
        """Delete a study. A service's sweep removes its data. Raises `KeyError`."""
        study = self.study(number)
        experiment = study.experiment()
        self._markers.set(
            announcing(self.namespace, experiment.name, experiment.uid, experiment.epoch + 1)
        )
        study.delete(experiment.epoch)
        self._markers.forget(experiment)
        self._open.pop(number, None)

    def all(self) -> list[Experiment]:
        """Return the experiments that are studies, by the study's number."""
        read = at_once(self._existing, list(self._markers.names(self.namespace)))
        studies = [each for each in read if each is not None and each.study is not None]
        return sorted(studies, key=_number)

    def flush(self) -> None:
        """Write the changes of all trials. Raises the same errors as a commit."""
        self._soon.flush()

    def _existing(self, name: str) -> Experiment | None:
        try:
            return self._journals.read(self.namespace, name)
        except NotFound:
            return None


def _number(experiment: Experiment) -> int:
    study: dict[str, Any] = experiment.study or {}
    return int(study["number"])


def _duplicate(study_name: str, name: str) -> DuplicatedStudyError:
    return DuplicatedStudyError(
        f"an experiment {name!r} exists already: choose another name than {study_name!r}, or "
        "continue the study with load_if_exists=True"
    )
