"""Read inbox batches while entries are being written, so that a writer does not wait for them."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger("tunelet.inbox")

T = TypeVar("T")

STALE_SECONDS = 5.0
"""What was read longer ago than this is read again."""


class ReadAhead(Generic[T]):
    """Calls `read` in a thread of its own, once at a time. One thread uses it at a time."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._reading = False
        self._found: tuple[float, T] | None = None
        self._failed = False

    def start(self) -> None:
        """Begin to read, unless that is being done."""
        if self._reading:
            return
        self._reading = True
        try:
            threading.Thread(target=self._work, name="inbox", daemon=True).start()
        except RuntimeError as fault:  # the machine has no thread left
            self._reading = False
            self._note(fault)

    @property
    def failed(self) -> bool:
        """Whether the last read failed. The caller then has to read by itself."""
        return self._failed

    def take(self) -> T | None:
        """Return what was read since the last call, without waiting; None if nothing was."""
        found, self._found = self._found, None
        if found is None or time.monotonic() - found[0] > STALE_SECONDS:
            return None
        return found[1]

    def _work(self) -> None:
        began = time.monotonic()
        failed: Exception | None = None
        try:
            self._found = began, self._read()
        except Exception as fault:  # noqa: BLE001 (the caller reads by itself, and gets the error)
            failed = fault
        # First, so that a caller who sees the failure can start again.
        self._reading = False
        if failed is not None:
            self._note(failed)
        else:
            self._failed = False

    def succeeded(self) -> None:
        """Note that the caller has read by itself: reading ahead may be tried again."""
        self._failed = False

    def _note(self, fault: Exception) -> None:
        self._failed = True
        log.warning("the inbox could not be read: %s", fault)
