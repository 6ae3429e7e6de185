"""Write the changes of running trials shortly afterwards, in batches, from a separate thread."""

import logging
import threading
from multiprocessing.util import Finalize
from typing import Protocol

log = logging.getLogger("tunelet.optuna")

SECONDS = 0.1
"""How long changes are collected before they are written."""

SECONDS_AFTER_A_FAULT = 1.0


class Flushed(Protocol):
    def flush(self) -> None: ...


class Soon:
    """Call it with the object that has changes to write. They are also written at exit."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: set[Flushed] = set()
        self._started = False

    def __call__(self, changed: Flushed) -> None:
        if changed in self._due:
            return
        with self._changed:
            self._due.add(changed)
            if not self._started:
                self._start()
            self._changed.notify()

    def flush(self) -> None:
        """Write all that can be written now. Then raises the first error."""
        with self._changed:
            due, self._due = self._due, set()
        left, fault = set(due), None
        try:
            for each in due:
                try:
                    each.flush()
                    left.remove(each)
                except Exception as new:  # noqa: BLE001 (the others are written first)
                    fault = fault or new
        finally:
            with self._changed:
                self._due |= left
        if fault is not None:
            raise fault

    def _start(self) -> None:
        self._started = True
        threading.Thread(target=self._run, name="tunelet-optuna", daemon=True).start()
        # Also in processes of multiprocessing, which do not call atexit.
        Finalize(None, self._last, exitpriority=100)

    def _last(self) -> None:
        try:
            self.flush()
        except Exception as fault:  # noqa: BLE001 (the process ends)
            log.error("the last changes of unfinished trials are lost: %s", fault)

    def _run(self) -> None:
        pause = SECONDS
        ended = threading.Event()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due)
            ended.wait(pause)
            pause = SECONDS
            try:
                self.flush()
            except KeyError:
                log.info("a study was deleted while its trials ran")
            except Exception as fault:  # noqa: BLE001 (a thread that ends would write no more)
                pause = SECONDS_AFTER_A_FAULT
                log.warning("changes of running trials are written later: %s", fault)
