"""The studies of one namespace, as used by this process."""

from collections.abc import Sequence

from optuna.exceptions import DuplicatedStudyError

from adapters.optuna.caller import Caller
from adapters.optuna.life import Life
from adapters.optuna.logs import Logs
from adapters.optuna.soon import Soon
from adapters.optuna.study import Study
from tunelet.core.study_view import View
from tunelet.errors import Conflict, NotFound


class Studies:
    """The studies of a namespace. Thread-safe."""

    def __init__(self, logs: Logs) -> None:
        self.caller = Caller()
        self._logs = logs
        self._soon = Soon()
        self._open: dict[int, Study] = {}

    def create(self, study_name: str, directions: Sequence[str]) -> int:
        """Create a study, return its number. Raises `DuplicatedStudyError` if the name exists."""
        try:
            return self._logs.create(study_name, directions)
        except Conflict as taken:
            raise DuplicatedStudyError(str(taken)) from None

    def named(self, study_name: str) -> int:
        """Return the number of the study of this name. Raises `KeyError`."""
        try:
            return self._logs.named(study_name).number
        except NotFound:
            raise KeyError(f"there is no study {study_name!r}") from None

    def study(self, number: int) -> Study:
        """Return a study that exists or was deleted. Raises `KeyError` if it never existed."""
        opened = self._open.get(number)
        if opened is not None:
            return opened
        if not isinstance(number, int):
            raise _unknown(number)
        try:
            log = self._logs.log(number)
        except NotFound:
            raise _unknown(number) from None
        made = Study(Life(log, number), log.beats, self.caller, self._soon)
        return self._open.setdefault(number, made)

    def delete(self, number: int) -> None:
        """Delete a study. A service's sweep removes its data. Raises `KeyError`."""
        try:
            self._logs.delete(number)
        except NotFound:
            raise _unknown(number) from None
        self._open.pop(number, None)

    def all(self) -> list[View]:
        """Return all studies, by number."""
        return self._logs.all()

    def flush(self) -> None:
        """Write the changes of all trials. Raises the same errors as a commit."""
        self._soon.flush()


def _unknown(number: object) -> KeyError:
    return KeyError(f"there is no study {number}")
