"""What the storage needs of a place that keeps studies: a store, or a service over one.

`tunelet.engine.studies` is the one over a store, `adapters.optuna.remote` the one over HTTP.
"""

from collections.abc import Sequence
from typing import Protocol

from tunelet.core.study import Command
from tunelet.core.study_view import Changed, Committed, Since, View
from tunelet.log.heartbeats import Beats


class Heard(Protocol):
    """The heartbeats of a study's trials, by the token of the process that sends them."""

    def write(self, token: str, beats: Beats) -> None: ...

    def read(self, token: str) -> Beats | None:
        """None: this version cannot read them."""


class StudyLog(Protocol):
    """One life of a study. Thread-safe. Methods raise `NotFound` once it is deleted."""

    @property
    def beats(self) -> Heard: ...

    def read(self, since: Since) -> Changed:
        """Return the study now, and the trials that have changed."""

    def commit(self, changes: Sequence[Command], since: Since) -> Committed:
        """Commit the commands. Raises what `tunelet.core.study.decide` does."""


class Logs(Protocol):
    """The studies of a namespace. Thread-safe."""

    def create(self, study_name: str, directions: Sequence[str]) -> int:
        """Create a study and return its number. Raises `Conflict` if the name exists."""

    def named(self, study_name: str) -> View:
        """Return the study of this name. Raises `NotFound`."""

    def log(self, number: int) -> StudyLog:
        """Return a study that exists or was deleted. Raises `NotFound` if it never existed."""

    def delete(self, number: int) -> None:
        """Delete a study. Raises `NotFound`."""

    def all(self) -> list[View]:
        """Return all studies, by number."""
