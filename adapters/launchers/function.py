"""Runs that are calls of a Python function, each in a thread of this process.

Nothing outlives the process: a run that it was in the middle of is lost, and made again.
"""

import inspect
import json
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunelet.core.run import Launch, Life, Observation, Phase, Run
from tunelet.core.trial import Outcome, Report, Verdict, newest, plain
from tunelet.errors import NotFound, Throttled, TrialPruned
from tunelet.ports import Room, RunNews, WatchableLauncher

METRIC = "objective"
"""What a function that returns a number measures."""
_TAIL = 4096
_PAUSE = 0.1
"""Seconds between two signals of one run's reports: each makes the service look at all of them."""

Objective = Callable[..., Any]


class Handle:
    """What an objective that takes two arguments gets as its second: its trial."""

    def __init__(self, number: int, told: Callable[[], None]) -> None:
        self.number = number
        """The trial's number."""
        self._told = told
        self._reports: list[Report] = []
        self._stop = threading.Event()
        self._told_at = 0.0

    def report(self, value: float, step: int | None = None) -> None:
        """Report the objective's value at a step, the next one unless given.

        Stopping rules judge it, so `should_prune` may answer True soon after.
        """
        at = step if step is not None else len(self._reports)
        self._reports.append(Report(at, {METRIC: plain(float(value))}))
        now = time.monotonic()
        if now - self._told_at >= _PAUSE:
            self._told_at = now
            self._told()

    def should_prune(self) -> bool:
        """Whether the trial is not wanted any more: raise `TrialPruned` then."""
        return self._stop.is_set()


class _Call:
    """One run. `outcome` is set at its end."""

    def __init__(self, launch: Launch, told: Callable[[], None]) -> None:
        self.launch = launch
        self.handle = Handle(launch.run.number, told)
        self.outcome: Outcome | None = None

    @property
    def reports(self) -> tuple[Report, ...]:
        attempt = self.launch.run.attempt
        known = list(self.handle._reports)
        return tuple(Report(each.step, each.values, attempt) for each in known)

    def carry_out(self, objective: Objective, with_handle: bool) -> None:
        values = json.loads(self.launch.env["TUNELET_HYPERPARAMETERS"])
        given = (values, self.handle) if with_handle else (values,)
        try:
            found = _measured(objective(*given))
        except TrialPruned as pruned:
            reason = str(pruned) or "the function raised TrialPruned"
            self.outcome = Outcome(Verdict.PRUNED, newest(self.reports), reason)
        except BaseException as fault:  # noqa: BLE001 (also SystemExit is only this trial's end)
            reason = f"the function raised {type(fault).__name__}: {fault}"
            tail = traceback.format_exc()[-_TAIL:]
            self.outcome = Outcome(Verdict.FAIL, newest(self.reports), reason, log_tail=tail)
        else:
            self.outcome = found


def _measured(answer: Any) -> Outcome:
    values = answer if isinstance(answer, Mapping) else {METRIC: answer}
    wrong = [name for name, value in values.items() if not _is_number(value)]
    if wrong or METRIC not in values:
        shown = repr(answer)[:100]
        return Outcome(Verdict.FAIL, reason=f"the function returned {shown}, which is no number")
    return Outcome(Verdict.COMPLETE, {str(k): plain(float(v)) for k, v in values.items()})


def _is_number(value: Any) -> bool:
    """Anything that `float` takes but text: a scalar of NumPy or PyTorch, too."""
    if isinstance(value, str | bytes | bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


class FunctionLauncher:
    """Calls `objective` with the hyperparameters, for at most `limit` runs at a time."""

    def __init__(self, objective: Objective, limit: int) -> None:
        self._objective = objective
        self._with_handle = _takes_two(objective)
        self._limit = limit
        self._calls: dict[Run, _Call] = {}
        self._lock = threading.Lock()
        self._watchers: list[tuple[RunNews, Room]] = []

    @property
    def announces_room(self) -> bool:
        return bool(self._watchers)

    def launch(self, launch: Launch) -> None:
        run = launch.run
        with self._lock:
            if run in self._calls:
                return
            if sum(call.outcome is None for call in self._calls.values()) >= self._limit:
                raise Throttled(f"all {self._limit} threads are taken", after=1.0)
            call = self._calls[run] = _Call(launch, lambda: self._tell(run))
        threading.Thread(target=self._carry_out, args=(call,), name=run.name, daemon=True).start()

    def _carry_out(self, call: _Call) -> None:
        call.carry_out(self._objective, self._with_handle)
        run = call.launch.run
        self._tell(run)
        for _, room in list(self._watchers):
            room(run.namespace, run.experiment)

    def _tell(self, run: Run) -> None:
        for news, _ in list(self._watchers):
            news(run.namespace, run.experiment, None)

    def observe(self, run: Run) -> Observation:
        call = self._calls.get(run)
        if call is None:
            return Observation(Phase.ABSENT)
        # In this order: what is reported before the end is then among the reports.
        outcome = call.outcome
        phase = Phase.ACTIVE if outcome is None else Phase.ENDED
        return Observation(phase, call.reports, outcome)

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        return [
            run
            for run in self._running()
            if (run.namespace, run.experiment) == (namespace, experiment)
        ]

    def lives(self) -> Collection[Life]:
        return {Life(*run[:3]) for run in self._running()}

    def _running(self) -> list[Run]:
        with self._lock:
            return [run for run, call in self._calls.items() if call.outcome is None]

    def origin(self, run: Run) -> str | None:
        call = self._calls.get(run)
        return call.launch.store or None if call is not None else None

    def stop(self, run: Run) -> None:
        """Have `should_prune` answer True: a thread cannot be ended from outside."""
        call = self._calls.get(run)
        if call is not None:
            call.handle._stop.set()

    def logs(self, run: Run) -> Iterator[bytes]:
        call = self._calls.get(run)
        tail = call.outcome.log_tail if call is not None and call.outcome is not None else None
        if tail is None:
            raise NotFound("what a function prints goes to the output of its own process")
        return iter([tail.encode()])

    def close(self) -> None:
        """Ask the running calls to end, because their ends are not recorded any more."""
        for call in list(self._calls.values()):
            call.handle._stop.set()

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        with self._lock:
            for run, call in list(self._calls.items()):
                if run[:3] == (namespace, experiment, uid) and call.outcome is not None:
                    del self._calls[run]

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        return None

    def ready(self) -> None:
        """It always is."""

    def watch(self, news: RunNews, room: Room) -> Callable[[], None]:
        """Call `news` when a run reports or ends, and `room` when a thread is free again."""
        watcher = (news, room)
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)


def _takes_two(objective: Objective) -> bool:
    """Whether it wants its trial, too: its second positional parameter has no default."""
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
