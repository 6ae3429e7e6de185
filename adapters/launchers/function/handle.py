"""An objective's view of its trial."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from adapters.launchers.function.answer import METRIC
from adapters.launchers.function.objective_values import step_of, with_attribute
from adapters.launchers.function.printed import Printed
from tunelet.core.trial import Chosen, Number, Outcome, Report, Scalar, Verdict, plain
from tunelet.text.surrogates import refuse_half_pairs

_PAUSE = 0.1
"""The seconds between two signals of a run's reports, because each makes the service read all."""


class Choices(Protocol):
    """Chooses the hyperparameters of one attempt, one after another."""

    @property
    def params(self) -> dict[str, Any]: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int: ...

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar: ...

    def chosen(self, attributes: Mapping[str, Any]) -> Chosen: ...

    def end(
        self, verdict: Verdict, values: Mapping[str, Number], reports: Iterable[Report]
    ) -> None: ...


class Handle:
    """An objective's view of its trial. `notify` is called after reports."""

    def __init__(self, number: int, slot: int, notify: Callable[[], None]) -> None:
        self.number = number
        """The trial's number."""
        self.slot = slot
        """From 0 to one below `parallel`: no two calls of this process have the same at a time."""
        self.printed = Printed()
        self._notify = notify
        self._reports: list[Report] = []
        self._stop = threading.Event()
        self._notified_at = 0.0
        self.heard_at = time.time()
        """When the objective last called one of the methods, in seconds since the epoch."""

    def report(self, value: float, step: int | None = None) -> None:
        """Report the objective's value at a step, by default the next one.

        Stopping rules judge it, so `should_prune` may return True soon after. Raises `ValueError`
        if the step is not an integer from 0.
        """
        at = len(self._reports) if step is None else step_of(step)
        self._reports.append(Report(at, {METRIC: plain(float(value))}))
        now = time.monotonic()
        if now - self._notified_at >= _PAUSE:
            self._notified_at = now
            self._notify()

    def should_prune(self) -> bool:
        """Whether the trial should stop. If so, raise `TrialPruned`."""
        return self._stop.is_set()


class FreeHandle(Handle):
    """The trial of an objective that chooses its hyperparameters while it runs.

    Its methods are those of Optuna's `Trial`.
    """

    def __init__(self, number: int, slot: int, notify: Callable[[], None]) -> None:
        super().__init__(number, slot, notify)
        self._attributes: dict[str, Any] = {}
        self._chooses: Choices | None = None

    def begin(self, choices: Choices) -> None:
        self._chooses = choices

    @property
    def _choices(self) -> Choices:
        assert self._chooses is not None
        return self._chooses

    @property
    def params(self) -> dict[str, Any]:
        """The hyperparameters chosen so far, by name."""
        return self._choices.params

    @property
    def user_attrs(self) -> dict[str, Any]:
        """The attributes set so far, by name."""
        return dict(self._attributes)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Choose a number from `low` to `high`, both included; not with both `log` and `step`."""
        refuse_half_pairs(name)
        return self._choices.suggest_float(name, low, high, step=step, log=log)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Choose an integer from `low` to `high`, both included."""
        refuse_half_pairs(name)
        return self._choices.suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Any:
        """Choose one of `choices`: text, numbers, True, False or None."""
        refuse_half_pairs(name, *choices)
        return self._choices.suggest_categorical(name, choices)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach JSON to the trial. All attributes of a trial together may have 64 KiB.

        Raises `TypeError` or `ValueError` if the value is not JSON, or too long.
        """
        self._attributes = with_attribute(self._attributes, key, value)

    def chosen(self) -> Chosen | None:
        return None if self._chooses is None else self._chooses.chosen(self._attributes)

    def end(self, outcome: Outcome) -> None:
        if self._chooses is not None:
            self._chooses.end(outcome.verdict, outcome.values, list(self._reports))
