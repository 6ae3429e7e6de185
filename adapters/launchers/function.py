"""A launcher that calls a Python function for each run, in a thread or in another process.

Nothing outlives this process. A run that is active when it ends is lost, and gets another attempt.
"""

import inspect
import json
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from adapters.launchers.objective_values import (
    reason_of,
    step_of,
    tail_of,
    with_attribute,
    wrong_metrics,
)
from adapters.launchers.printed import Printed, printing_to
from tunelet.core.run import Launch, Life, Observation, Phase, Run, by_life
from tunelet.core.trial import Chosen, Number, Outcome, Report, Scalar, Verdict, newest, plain
from tunelet.errors import NotFound, Throttled, TrialPruned
from tunelet.ports import Room, RunNews, Versions, WatchableLauncher
from tunelet.text.surrogates import refuse_half_pairs

log = logging.getLogger("tunelet.launchers.function")

METRIC = "objective"
"""The metric of a function that returns a number."""
_PAUSE = 0.1
"""The seconds between two signals of a run's reports, because each makes the service read all."""

Objective = Callable[..., Any]


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


Begin = Callable[[Run], Choices]
"""Begins to choose the hyperparameters of a run."""


class Handle:
    """An objective's view of its trial. `notify` is called after reports."""

    def __init__(self, number: int, notify: Callable[[], None]) -> None:
        self.number = number
        """The trial's number."""
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

    def __init__(self, number: int, notify: Callable[[], None]) -> None:
        super().__init__(number, notify)
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


class Processes(Protocol):
    """Calls the objective in other processes."""

    def call(self, launch: Launch, trial: Handle) -> Outcome:
        """Call the objective for this run. The outcome is LOST if the process died."""


class _Call:
    """One run, which is a call of the objective. `outcome` is set at its end."""

    def __init__(self, launch: Launch, handle: Handle, processes: "Processes | None") -> None:
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


def outcome_of(call: Callable[[], Any], objectives: Sequence[str]) -> Outcome:
    """Return how a call of an objective ended. A call in another process returns its outcome."""
    try:
        answer = call()
        return answer if isinstance(answer, Outcome) else _measured(answer, objectives)
    except BaseException as fault:  # noqa: BLE001 (even SystemExit ends only this trial)
        text = _text(fault)
        if _prunes(fault):
            return Outcome(Verdict.PRUNED, reason=reason_of(text or _PRUNED))
        reason = reason_of(f"the function raised {type(fault).__name__}: {text}")
        return Outcome(Verdict.FAIL, reason=reason, log_tail=tail_of(traceback.format_exc()))


_PRUNED = "the function raised TrialPruned"


def _text(fault: BaseException) -> str:
    try:
        return str(fault)
    except BaseException:  # noqa: BLE001 (code of the user's, too)
        return "its text cannot be shown"


def _prunes(fault: BaseException) -> bool:
    """Whether it is `tunelet.TrialPruned` or Optuna's; without importing Optuna."""
    kinds = type(fault).__mro__
    optuna = ("optuna.exceptions", "TrialPruned")
    return isinstance(fault, TrialPruned) or optuna in [(k.__module__, k.__name__) for k in kinds]


def _measured(answer: Any, objectives: Sequence[str]) -> Outcome:
    if isinstance(answer, tuple | list):
        values: Mapping[str, Any] = {f"{METRIC}_{i}": each for i, each in enumerate(answer)}
    else:
        values = answer if isinstance(answer, Mapping) else {METRIC: answer}
    wrong = [name for name, value in values.items() if not _is_number(value)]
    if wrong or not values.keys() >= set(objectives):
        reason = f"the function returned {repr(answer)[:100]}, {_remedy(wrong, objectives)}"
        return Outcome(Verdict.FAIL, reason=reason_of(reason))
    if (why := wrong_metrics(values)) is not None:
        return Outcome(Verdict.FAIL, reason=f"the function returned {why}")
    return Outcome(Verdict.COMPLETE, {str(k): plain(float(v)) for k, v in values.items()})


def _remedy(wrong: Sequence[object], objectives: Sequence[str]) -> str:
    if wrong:
        return "which is not a number"
    if list(objectives) == [METRIC]:
        return f"without {METRIC!r}: return a number, or a dict with the key {METRIC!r}"
    return f"but there are {len(objectives)} directions: return as many numbers"


def _is_number(value: Any) -> bool:
    """Whether `float` accepts the value, as it does scalars of NumPy or PyTorch; not text."""
    if isinstance(value, str | bytes | bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


_REMEMBERED = 1_000
"""Ended runs of which the end is kept: that of an older one has long been in the log."""


class FunctionLauncher:
    """Calls `objective` with the hyperparameters, for at most `limit` runs at a time.

    With `begin`, `objective` gets a trial that chooses its hyperparameters while it runs:
    `begin(run)` returns the choices of one attempt. With `processes`, worker processes call the
    objective.
    """

    def __init__(
        self,
        objective: Objective,
        limit: int,
        begin: Begin | None = None,
        processes: Processes | None = None,
        remembered: int = _REMEMBERED,
    ) -> None:
        self._remembered = max(remembered, limit)
        self._objective = objective
        self._begin = begin
        self._processes = processes
        self._with_handle = takes_two(objective)
        self._limit = limit
        self._calls: dict[Run, _Call] = {}
        self._saved: dict[Run, Observation] = {}
        """The newest ended runs: their ends may not be in the log yet. The rest of them is gone."""
        self._active = 0
        self._threads = 0
        self._begun: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        """Calls that the next free thread makes; None ends a thread."""
        self._refused: set[tuple[str, str]] = set()
        """The experiments for whose runs there was no room."""
        self._lock = threading.Lock()
        self._watchers: list[tuple[RunNews, Room]] = []

    in_process = True

    @property
    def announces_room(self) -> bool:
        return bool(self._watchers)

    def launch(self, launch: Launch) -> None:
        run = launch.run
        with self._lock:
            if run in self._calls or run in self._saved:
                return
            if self._active >= self._limit:
                self._refused.add((run.namespace, run.experiment))
                raise Throttled(f"all {self._limit} threads are taken", after=1.0)
            call = self._calls[run] = _Call(launch, self._handle(run), self._processes)
            self._active += 1
            self._begun.put(call)
            if self._threads >= self._active:
                return
            self._threads += 1
        threading.Thread(target=self._work, daemon=True).start()

    def _handle(self, run: Run) -> Handle:
        def notify() -> None:
            self._notify(run)

        kind = Handle if self._begin is None else FreeHandle
        return kind(run.number, notify)

    def _work(self) -> None:
        """Make one call after another: starting a thread takes longer than a short function."""
        while (call := self._begun.get()) is not None:
            threading.current_thread().name = call.launch.run.name
            self._carry_out(call)

    def _carry_out(self, call: _Call) -> None:
        call.carry_out(self._objective, self._with_handle, self._begin)
        with self._lock:
            self._active -= 1
            refused, self._refused = self._refused, set()
        run = call.launch.run
        self._notify(run)
        for _, room in list(self._watchers):
            for whose in refused:
                room(*whose)

    def _notify(self, run: Run) -> None:
        for news, _ in list(self._watchers):
            news(run.namespace, run.experiment, None)

    def observe(self, run: Run) -> Observation:
        call = self._calls.get(run)
        if call is None:
            return self._saved.get(run, Observation(Phase.ABSENT))
        # The outcome first, so that all reports before the end are in the observation.
        outcome = call.outcome
        phase = Phase.ACTIVE if outcome is None else Phase.ENDED
        return Observation(phase, call.reports, outcome, chosen=call.chosen_now(), began=call.began)

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        return [
            run
            for run in self._running()
            if (run.namespace, run.experiment) == (namespace, experiment)
        ]

    def lives(self) -> Mapping[Life, Versions]:
        return by_life(dict.fromkeys(self._running(), ""))

    def _running(self) -> list[Run]:
        with self._lock:
            return [run for run, call in self._calls.items() if call.outcome is None]

    def origin(self, run: Run) -> str | None:
        call = self._calls.get(run)
        return call.launch.store or None if call is not None else None

    @property
    def stop_removes_output(self) -> bool:
        return False

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        with self._lock:
            ended = [run for run, call in self._calls.items() if call.unsaved]
        return [run for run in ended if (run.namespace, run.experiment) == (namespace, experiment)]

    def saved(self, run: Run) -> None:
        """Forget the run's output: a long search would else keep that of every call."""
        with self._lock:
            call = self._calls.get(run)
            if call is not None and call.outcome is not None:
                self._saved[run] = self.observe(run)
                del self._calls[run]
                if len(self._saved) > self._remembered:
                    del self._saved[next(iter(self._saved))]

    def stop(self, run: Run) -> None:
        """Make `should_prune` return True: a thread cannot be ended from outside."""
        call = self._calls.get(run)
        if call is not None:
            call.handle._stop.set()

    def logs(self, run: Run) -> Iterator[bytes]:
        call = self._calls.get(run)
        output = call.output if call is not None else ""
        if not output:
            raise NotFound("the function has printed nothing")
        return iter([output.encode(errors="replace")])

    def close(self) -> None:
        """Ask the running calls to end, because nothing records their ends any more."""
        for call in list(self._calls.values()):
            call.handle._stop.set()
        for _ in range(self._threads):
            self._begun.put(None)

    def heard(self, run: Run) -> float | None:
        """Return when it last called a method of its trial; a thread is never given up."""
        call = self._calls.get(run)
        return None if call is None or self._processes is None else call.handle.heard_at

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        with self._lock:
            for run, call in list(self._calls.items()):
                if run[:3] == (namespace, experiment, uid) and call.outcome is not None:
                    del self._calls[run]
            life = (namespace, experiment, uid)
            self._saved = {run: each for run, each in self._saved.items() if run[:3] != life}

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        return None

    def ready(self) -> None:
        """Do nothing: the launcher is always ready."""

    def watch(self, news: RunNews, room: Room) -> Callable[[], None]:
        """Call `news` when a run reports or ends, and `room` when a thread is free again."""
        watcher = (news, room)
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)


def takes_two(objective: Objective) -> bool:
    """Whether the objective takes its trial, too, as a second positional parameter."""
    try:
        parameters = list(inspect.signature(objective).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        and each.default is each.empty
    ]
    return len(positional) > 1


if TYPE_CHECKING:
    _: type[WatchableLauncher] = FunctionLauncher
