"""The rate at which each namespace pushes reports: a token bucket for each, in this process."""

import threading
from collections.abc import Callable

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.quotas import Quotas
from tunelet.errors import FieldError, TooFast

BURST_SECONDS = 10.0
"""A namespace that was silent may push the reports of this many seconds at once."""

_NAMESPACES = 10_000


class ReportRate:
    """Counts reports by namespace, and refuses them while a namespace is ahead of its quota.

    A request is accepted or refused as a whole: its reports may put the bucket into debt, so that
    the largest request passes at the smallest rate. Every process counts for itself.
    """

    def __init__(self, quotas: Quotas, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._quotas = quotas
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: BoundedCache[str, float] = BoundedCache(count=_NAMESPACES)
        """When each bucket is full again, if nothing more comes."""

    def take(self, namespace: str, reports: int) -> None:
        """Count the reports. Raises `TooFast` with the seconds after which they are accepted."""
        rate = self._quotas.of(namespace).reports_per_second
        if rate is None or reports == 0:
            return
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(namespace) or now)
            after = full_at - now - BURST_SECONDS
            if after <= 0:
                self._full_at.put(namespace, full_at + reports / rate)
                return
        raise TooFast(
            f"the namespace {namespace!r} pushes more than {rate:g} reports per second",
            after,
            [
                FieldError(
                    "quota.reports_per_second",
                    rate,
                    "is exceeded",
                    "send the same again after Retry-After seconds; report less often, or send "
                    "several steps in one request",
                )
            ],
        )
