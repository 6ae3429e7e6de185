"""A launcher that calls a Python function for each run, in a thread or in another process.

Nothing outlives this process. A run that is active when it ends is lost, and gets another attempt.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adapters.launchers.function.answer import Objective, takes_two
from adapters.launchers.function.call import Begin, Call, Processes
from adapters.launchers.function.handle import FreeHandle, Handle
from tunelet.core.run import Launch, Life, Observation, Phase, Run, by_life
from tunelet.errors import NotFound, Throttled
from tunelet.ports import Room, RunNews, Versions, WatchableLauncher

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
        self._calls: dict[Run, Call] = {}
        self._saved: dict[Run, Observation] = {}
        """The newest ended runs: their ends may not be in the log yet. The rest of them is gone."""
        self._slots: set[int] = set()
        """Those of the active calls."""
        self._threads = 0
        self._begun: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
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
            if len(self._slots) >= self._limit:
                self._refused.add((run.namespace, run.experiment))
                raise Throttled(f"all {self._limit} threads are taken", after=1.0)
            slot = next(n for n in range(self._limit) if n not in self._slots)
            call = self._calls[run] = Call(launch, self._handle(run, slot), self._processes)
            self._slots.add(slot)
            self._begun.put(call)
            if self._threads >= len(self._slots):
                return
            self._threads += 1
        threading.Thread(target=self._work, daemon=True).start()

    def _handle(self, run: Run, slot: int) -> Handle:
        def notify() -> None:
            self._notify(run)

        kind = Handle if self._begin is None else FreeHandle
        return kind(run.number, slot, notify)

    def _work(self) -> None:
        """Make one call after another: starting a thread takes longer than a short function."""
        while (call := self._begun.get()) is not None:
            threading.current_thread().name = call.launch.run.name
            self._carry_out(call)

    def _carry_out(self, call: Call) -> None:
        call.carry_out(self._objective, self._with_handle, self._begin)
        with self._lock:
            self._slots.discard(call.handle.slot)
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
            for run in self.running()
            if (run.namespace, run.experiment) == (namespace, experiment)
        ]

    def lives(self) -> Mapping[Life, Versions]:
        return by_life(dict.fromkeys(self.running(), ""))

    def running(self) -> list[Run]:
        """Return the runs of all experiments whose calls have not returned."""
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


if TYPE_CHECKING:
    _: type[WatchableLauncher] = FunctionLauncher
