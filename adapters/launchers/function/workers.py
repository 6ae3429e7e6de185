"""Worker processes that call an objective. A worker that dies costs one attempt of its trial."""

import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from adapters.launchers.function.call import assignment
from adapters.launchers.function.handle import FreeHandle, Handle
from adapters.launchers.function.worker import BROKEN, ENDED, Task
from adapters.launchers.function.worker_starts import Forking, Spawning, Starts, Worker
from tunelet.core.run import Launch
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import FieldError, Reject

METHODS = ("spawn", "fork")
_STARTS: dict[str, Callable[[Callable[..., Any]], Starts]] = {"spawn": Spawning, "fork": Forking}

GRACE_SECONDS = 10.0
"""How long an objective that should stop may continue before its process is killed."""
_LOOK_SECONDS = 0.25

_QUESTIONS = frozenset(
    {
        *("report", "should_prune", "suggest_float", "suggest_int", "suggest_categorical"),
        *("set_user_attr", "params", "user_attrs"),
    }
)


class Workers:
    """Calls the objective in worker processes, one for each slot: a library may keep its GPU."""

    def __init__(self, starts: Starts, grace: float = GRACE_SECONDS) -> None:
        self._starts = starts
        self._grace = grace
        self._lock = threading.Lock()
        self._idle: dict[int, Worker] = {}
        self._all: list[Worker] = []
        self._closed = False

    def call(self, launch: Launch, trial: Handle) -> Outcome:
        """See `Processes`."""
        free = isinstance(trial, FreeHandle)
        params = None if free else assignment(launch)
        try:
            worker = self._taken(trial.slot)
        except (OSError, Reject) as fault:
            return Outcome(Verdict.LOST, reason=f"no worker process could be started: {fault}")
        try:
            worker.connection.send(
                Task(trial.number, trial.slot, params, launch.metrics.objectives)
            )
            outcome = self._served(worker, trial)
        except (EOFError, OSError):
            return Outcome(Verdict.LOST, reason=f"its worker process {self._end_of(worker)}")
        with self._lock:
            self._idle[trial.slot] = worker
        return outcome

    def first(self) -> None:
        """Start a worker. Raises `Reject` with its message if it cannot call the objective."""
        worker = self._taken(0)
        with self._lock:
            self._idle[0] = worker

    def close(self) -> None:
        """Kill all workers."""
        with self._lock:
            self._closed = True
            workers = list(self._all)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.exit_code()
        self._starts.close()

    def _taken(self, slot: int) -> Worker:
        with self._lock:
            if self._closed:
                raise OSError("the search has ended")
            if slot in self._idle:
                return self._idle.pop(slot)
            worker = self._starts.start()
            self._all.append(worker)
        try:
            while not _received(worker):
                pass
            state, why = worker.connection.recv()
        except (EOFError, OSError):
            raise _refusal(f"started a worker that {self._end_of(worker)}") from None
        if state == BROKEN:
            self._end_of(worker)
            raise _refusal(f"started a worker that cannot load the objective:\n{why}")
        return worker

    def _served(self, worker: Worker, trial: Handle) -> Outcome:
        """Answer what the worker asks until its call has ended. Raises `EOFError` if it dies."""
        kill_at: float | None = None
        while True:
            if trial.should_prune():
                kill_at = kill_at or time.monotonic() + self._grace
                if time.monotonic() >= kill_at:
                    worker.kill()
            if not _received(worker):
                continue
            received = worker.connection.recv_bytes()
            trial.heard_at = time.time()
            try:
                name, given, named = pickle.loads(received)
                if name == ENDED:
                    outcome: Outcome = given[0]
                    trial.printed.add(given[1])
                    return outcome
                answer = (True, _answer(trial, name, given, named))
            except Exception as fault:  # noqa: BLE001 (the objective gets it)
                answer = (False, fault)
            worker.connection.send_bytes(_answered(answer))

    def _end_of(self, worker: Worker) -> str:
        """Remove a worker that has died, and return how it ended."""
        worker.kill()
        code = worker.exit_code()
        worker.connection.close()
        with self._lock, suppress(ValueError):
            self._all.remove(worker)
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


def _received(worker: Worker) -> bool:
    """Wait briefly for a message. Raises `EOFError` if none can come, because the worker died.

    Processes that it forked may hold its end of the connection, so that end need not be closed.
    """
    if worker.connection.poll(_LOOK_SECONDS):
        return True
    if not worker.alive() and not worker.connection.poll():
        raise EOFError
    return False


def _answer(trial: Handle, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if name not in _QUESTIONS:
        raise AttributeError(f"a trial has no {name}")
    found = getattr(trial, name)
    return found(*given, **named) if callable(found) else found


def _answered(answer: tuple[bool, Any]) -> bytes:
    try:
        return pickle.dumps(answer)
    except Exception:  # noqa: BLE001 (an exception of a library need not be picklable)
        return pickle.dumps((False, RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")))


def _refusal(message: str) -> Reject:
    remedy = (
        'call tune below `if __name__ == "__main__":` and define the objective in a file, '
        'or use processes="fork"'
    )
    error = FieldError("processes", "spawn", message, remedy)
    return Reject(f"processes {message}; {remedy}", [error])


@contextmanager
def workers(objective: Callable[..., Any], method: object) -> Iterator[Workers | None]:
    """Yield workers, which are killed when the context ends; None if `method` is False.

    Enter the context before any thread is started. Raises `Reject` if `method` is unknown, or if
    the objective cannot be called in a worker.
    """
    if method is False or method is None:
        yield None
        return
    chosen = "spawn" if method is True else method
    if chosen not in METHODS:
        remedy = 'use True, "spawn" or "fork"'
        error = FieldError("processes", method, "is not a way to start processes", remedy)
        raise Reject(f"processes {method!r} is not a way to start processes; {remedy}", [error])
    begun = Workers(_STARTS[str(chosen)](objective))
    try:
        begun.first()
        yield begun
    finally:
        begun.close()
