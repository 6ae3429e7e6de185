"""One run: a call of the objective."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from adapters.launchers.function.answer import Objective, outcome_of
from adapters.launchers.function.handle import Choices, FreeHandle, Handle
from adapters.launchers.function.printed import printing_to
from tunelet.core.run import Launch, Run
from tunelet.core.trial import Chosen, Outcome, Report, Verdict, newest

log = logging.getLogger("tunelet.launchers.function")

Begin = Callable[[Run], Choices]
"""Begins to choose the hyperparameters of a run."""


class Processes(Protocol):
    """Calls the objective in other processes."""

    def call(self, launch: Launch, trial: Handle) -> Outcome:
        """Call the objective for this run. The outcome is LOST if the process died."""


class Call:
    """One run, which is a call of the objective. `outcome` is set at its end."""

    def __init__(self, launch: Launch, handle: Handle, processes: Processes | None) -> None:
        self.launch = launch
        self._processes = processes
        self.handle = handle
        self.began = time.time()
        self.outcome: Outcome | None = None
        self.chosen: Chosen | None = None
        """The hyperparameters of an ended run that chose them itself."""

    def chosen_now(self) -> Chosen | None:
        """Return the hyperparameters chosen so far; None if the run does not choose them."""
        if self.outcome is None and isinstance(self.handle, FreeHandle):
            return self.handle.chosen()
        return self.chosen

    @property
    def reports(self) -> tuple[Report, ...]:
        attempt = self.launch.run.attempt
        known = list(self.handle._reports)
        return tuple(Report(each.step, each.values, attempt) for each in known)

    @property
    def unsaved(self) -> bool:
        """Whether it has ended with output."""
        if self.outcome is None:
            return False
        return bool(self.handle.printed or self.outcome.log_tail)

    @property
    def output(self) -> str:
        """What it has printed, and the traceback of the exception that ended it."""
        trace = self.outcome.log_tail if self.outcome is not None else None
        return self.handle.printed.text() + (trace or "")

    def carry_out(self, objective: Objective, with_handle: bool, begin: Begin | None) -> None:
        with printing_to(self.handle.printed):
            outcome = self._outcome(objective, with_handle, begin)
        try:
            if isinstance(self.handle, FreeHandle):
                self.chosen = self.handle.chosen()
                self.handle.end(outcome)
        except Exception:
            # The objective has been called: its outcome counts, whatever the algorithm makes of it.
            log.exception("the algorithm did not take an outcome")
        self.outcome = outcome

    def _outcome(self, objective: Objective, with_handle: bool, begin: Begin | None) -> Outcome:
        def called() -> Any:
            if begin is not None and isinstance(self.handle, FreeHandle):
                self.handle.begin(begin(self.launch.run))
            if self._processes is not None:
                return self._processes.call(self.launch, self.handle)
            return objective(*self._arguments(with_handle))

        outcome = outcome_of(called, self.launch.metrics.objectives)
        if outcome.verdict is Verdict.COMPLETE:
            return outcome
        return msgspec.structs.replace(outcome, values=newest(self.reports))

    def _arguments(self, with_handle: bool) -> tuple[Any, ...]:
        if isinstance(self.handle, FreeHandle):
            return (self.handle,)
        values = assignment(self.launch)
        return (values, self.handle) if with_handle else (values,)


def assignment(launch: Launch) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(launch.env["TUNELET_HYPERPARAMETERS"])
    return values
