"""Notice news of active runs (output or an end), and room for waiting experiments.

It is only a hint: a sweep finds news that the watcher missed.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue

from adapters.launchers.local.folder import RunFolder
from adapters.launchers.local.slots import Waiting
from tunelet.core.run import Run
from tunelet.errors import TuneletError

INTERVAL_SECONDS = 0.15
"""The pause between two looks. A look costs about ten system calls per active run."""

_log = logging.getLogger(__name__)

_State = tuple[int, bool]
_NEW: _State = (0, False)


class Watcher:
    """Looks at the runs from a thread, and calls `callback(run)` for each run with news.

    It calls `room(namespace, experiment)` once for each experiment that `called` returns. A
    callback that raises a `TuneletError` is called again at the next look.
    """

    def __init__(
        self,
        runs: Callable[[], Iterable[Run]],
        folder: Callable[[Run], RunFolder],
        callback: Callable[[Run], None],
        called: Callable[[], list[Waiting]],
        room: Callable[[str, str], None],
    ) -> None:
        self._runs = runs
        self._folder = folder
        self._callback = callback
        self._called = called
        self._room = room
        self._announced: set[tuple[str, str, float]] = set()
        self._launched: SimpleQueue[Run] = SimpleQueue()
        self._seen: dict[Run, _State] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tunelet-watcher", daemon=True)
        self._thread.start()

    def add(self, run: Run) -> None:
        """Watch this run too, even if it leaves its slot before the next look."""
        self._launched.put(run)

    def stop(self) -> None:
        """End the thread; returns when no further callback can come."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            try:
                self._look()
            except OSError:
                _log.warning("the runs could not be read; trying again", exc_info=True)

    def _look(self) -> None:
        launched = [self._launched.get() for _ in range(self._launched.qsize())]
        listed = {*launched, *self._runs()}
        active = {run for run, (_, ended) in self._seen.items() if not ended}
        # Ended runs are remembered only while a slot still names them.
        self._seen = {run: self._seen.get(run, _NEW) for run in listed | active}
        for run in list(self._seen):
            self._look_at(run)
        self._call()

    def _call(self) -> None:
        """Call `room` for experiments with room, once each time that one waits."""
        called = {each[:3] for each in self._called()}
        self._announced &= called
        for namespace, experiment, since in called - self._announced:
            try:
                self._room(namespace, experiment)
            except TuneletError:
                _log.warning("room for %s could not be announced", experiment, exc_info=True)
            else:
                self._announced.add((namespace, experiment, since))

    def _look_at(self, run: Run) -> None:
        before = self._seen[run]
        if before[1]:
            return
        now = self._state(run)
        if now is None:
            del self._seen[run]
        elif now != before and self._report(run):
            self._seen[run] = now

    def _state(self, run: Run) -> _State | None:
        folder = self._folder(run)
        ended = not folder.held()
        try:
            return folder.output.stat().st_size, ended
        except FileNotFoundError:
            return None

    def _report(self, run: Run) -> bool:
        try:
            self._callback(run)
        except TuneletError:
            _log.warning("news of %s could not be passed on; trying again", run, exc_info=True)
            return False
        return True
