"""Changes of a trial that this process has not written yet."""

from typing import Any

from tunelet.core.evolve_trial import changed
from tunelet.core.trial import Assignment, Changes, Report, Trial


class Pending:
    """The changes of one trial: new ones, and those being written. Not thread-safe."""

    def __init__(self) -> None:
        self.hyperparameters: Assignment = {}
        self.space: dict[str, Any] = {}
        self.attributes: dict[str, Any] = {}
        self.system: dict[str, Any] = {}
        self.reports: dict[int, Report] = {}
        self._sent: Changes | None = None
        self.fault: Exception | None = None
        """Why earlier changes cannot be recorded."""

    def __bool__(self) -> bool:
        new = (self.hyperparameters, self.attributes, self.system, self.reports)
        return any(new) or self._sent is not None

    @property
    def reported(self) -> int:
        """The number of reports that may not be in the log yet."""
        sent = () if self._sent is None else self._sent.reports
        return len(self.reports) + len(sent)

    def send(self) -> Changes | None:
        """Return the new changes, and mark them as being written; None if there are none.

        Call `written` or `unwritten` before the next call.
        """
        assert self._sent is None
        new = self._taken()
        self._sent = new if new else None
        return self._sent

    def written(self) -> None:
        self._sent = None

    def unwritten(self) -> None:
        """Put the changes that were being written back among the new ones."""
        if self._sent is None:
            return
        newer, sent = self._taken(), self._sent
        self._sent = None
        self._add(sent)
        self._add(newer)

    def all(self) -> Changes:
        """Return all changes that may not be in the log yet."""
        whole = Pending()
        if self._sent is not None:
            whole._add(self._sent)
        whole._add(self._new())
        return whole._new()

    def over(self, trial: Trial) -> Trial:
        """Return the trial with all changes."""
        return changed(trial, self.all()) if self else trial

    def _new(self) -> Changes:
        return Changes(
            hyperparameters=dict(self.hyperparameters),
            space=dict(self.space),
            attributes=dict(self.attributes),
            system=dict(self.system),
            reports=tuple(self.reports[step] for step in sorted(self.reports)),
        )

    def _taken(self) -> Changes:
        new = self._new()
        for kept in (self.hyperparameters, self.space, self.attributes, self.system, self.reports):
            kept.clear()
        return new

    def _add(self, changes: Changes) -> None:
        self.hyperparameters |= changes.hyperparameters
        self.space |= changes.space
        self.attributes |= changes.attributes
        self.system |= changes.system
        self.reports |= {report.step: report for report in changes.reports}
