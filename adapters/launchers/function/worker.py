"""The worker process in which an objective runs. It forwards calls on the trial to its parent.

Parent and worker exchange pickled messages, one at a time. The worker sends a method's name and its
arguments; the parent answers whether the call succeeded, with the result or the exception.
"""

import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from adapters.launchers.function.answer import outcome_of, takes_two
from adapters.launchers.function.printed import Printed, kept, printing_to
from adapters.launchers.local.shim_tree import die_with
from tunelet.core.trial import Outcome

READY, BROKEN, ENDED = "ready", "broken", "ended"


class Task(NamedTuple):
    """One call of the objective."""

    number: int
    """The trial's number."""
    slot: int
    hyperparameters: Mapping[str, Any] | None
    """None: the objective chooses its hyperparameters itself."""
    objectives: Sequence[str]


class _Parent:
    """The connection to the parent. Threads of the objective may share one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def ask(self, name: str, *given: Any, **named: Any) -> Any:
        question = pickle.dumps((name, given, named))
        with self._lock:
            self._connection.send_bytes(question)
            succeeded, answer = self._connection.recv()
        if succeeded:
            return answer
        raise answer


class RemoteTrial:
    """An objective's view of its trial, like `Handle` in the parent."""

    def __init__(self, number: int, slot: int, parent: _Parent) -> None:
        self.number = number
        self.slot = slot
        self._parent = parent

    def report(self, value: float, step: int | None = None) -> None:
        self._parent.ask("report", float(value), step)

    def should_prune(self) -> bool:
        return bool(self._parent.ask("should_prune"))


class RemoteFreeTrial(RemoteTrial):
    """The trial of an objective that chooses its hyperparameters, like `FreeHandle`."""

    @property
    def params(self) -> dict[str, Any]:
        found: dict[str, Any] = self._parent.ask("params")
        return found

    @property
    def user_attrs(self) -> dict[str, Any]:
        found: dict[str, Any] = self._parent.ask("user_attrs")
        return found

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._parent.ask("suggest_float", name, low, high, step=step, log=log))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return int(self._parent.ask("suggest_int", name, low, high, step=step, log=log))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._parent.ask("suggest_categorical", name, choices)

    def set_user_attr(self, key: str, value: Any) -> None:
        self._parent.ask("set_user_attr", key, value)


def serve(connection: Connection, objective: bytes | Callable[..., Any], parent: int) -> None:
    """Call the objective (or its pickle) for each task until the parent closes the connection."""
    die_with(parent)
    # Ctrl-C reaches the whole group; the parent ends the search, and its workers.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        function = pickle.loads(objective) if isinstance(objective, bytes) else objective
    except BaseException:  # noqa: BLE001 (the parent reports it)
        connection.send((BROKEN, traceback.format_exc()))
        return
    connection.send((READY, ""))
    with_trial = takes_two(function)
    while True:
        try:
            task: Task = connection.recv()
        except (EOFError, OSError):
            return
        printed = Printed()
        with kept(), printing_to(printed):
            outcome = _outcome(function, with_trial, task, _Parent(connection))
        _flush()
        connection.send_bytes(pickle.dumps((ENDED, (outcome, printed.text()), {})))


def _outcome(
    function: Callable[..., Any], with_trial: bool, task: Task, parent: _Parent
) -> Outcome:
    if task.hyperparameters is None:
        free = RemoteFreeTrial(task.number, task.slot, parent)
        return outcome_of(lambda: function(free), task.objectives)
    trial = RemoteTrial(task.number, task.slot, parent)
    more = (trial,) if with_trial else ()
    return outcome_of(lambda: function(task.hyperparameters, *more), task.objectives)


def _flush() -> None:
    """Flush the output, because the parent may kill this process."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
