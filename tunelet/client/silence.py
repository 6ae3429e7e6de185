"""Warns once a call has waited in vain for some seconds, so that its user need not guess."""

import logging
import time

from tunelet.errors import Retry, Throttled

log = logging.getLogger("tunelet.client")

_AFTER = 3.0
"""More seconds than the command line waits where nothing listens: it has an error of its own."""


class Silence:
    """The time in which a call has had no answer."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._known = False

    def lasts(self, fault: Retry, limit: float) -> None:
        """Warn, the first time that the call is sent again after some seconds."""
        if self._known or isinstance(fault, Throttled) or time.monotonic() < self._start + _AFTER:
            return
        self._known = True
        log.warning("%s; trying again for up to %.0f s", fault, limit)
