"""Sweep regularly, in a thread of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from functions.hosting.background import in_background
from functions.telemetry.log import LOGGER
from tunelet.errors import Retry
from tunelet.service import Service

SWEEP_SECONDS = 5.0

LEASE_SECONDS = 60.0
"""Seconds after which others at the same store take over the runs of one that stopped renewing."""


@contextmanager
def swept(service: Service, lease_seconds: float) -> Iterator[None]:
    """Sweep regularly from a thread, beginning at once with an earlier process's experiments.

    It sweeps several times during a lease: only regular looks show whether another installation
    is still alive.
    """
    seconds = min(SWEEP_SECONDS, lease_seconds / 4)
    with in_background("sweep", lambda ended: _sweep(service, ended, seconds)):
        yield


def _sweep(service: Service, ended: threading.Event, seconds: float) -> None:
    while True:
        try:
            service.sweep(ended.is_set)
        except Retry as fault:
            LOGGER.warning("the sweep was broken off, and is tried again: %s", fault)
        except Exception:  # noqa: BLE001 (a thread that ends would end the guarantee)
            LOGGER.exception("the sweep failed; it is tried again")
        if ended.wait(seconds):
            return
