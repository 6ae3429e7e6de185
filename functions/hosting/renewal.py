"""Renew the lease as long as the process lives, however long a sweep takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from functions.hosting.background import in_background
from functions.telemetry.log import LOGGER
from tunelet.errors import TuneletError
from tunelet.log.leases import Leases


@contextmanager
def renewed(leases: Leases) -> Iterator[None]:
    """Renew the lease from a thread as long as the context lasts, if any run is active."""
    with in_background("lease", lambda ended: _renew(leases, ended)):
        yield


def _renew(leases: Leases, ended: threading.Event) -> None:
    while not ended.wait(leases.seconds / 8):
        try:
            leases.keep()
        except TuneletError as fault:
            LOGGER.warning("the lease is renewed later: %s", fault)
        except Exception:  # noqa: BLE001 (without this thread others would take over the runs)
            LOGGER.exception("the lease could not be renewed; it is tried again")
