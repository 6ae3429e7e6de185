"""What a namespace may still begin and report, by its quota."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.quotas import Quotas
from tunelet.core.trial import Report, Trial
from tunelet.engine.report_rate import ReportRate
from tunelet.errors import FieldError, OverQuota
from tunelet.log.markers import Markers
from tunelet.ports import Store
from tunelet.text.limits import STEPS

MEASURED_SECONDS = 300.0
"""How long a process remembers the bytes of a namespace: to add them up lists all its objects."""

_NAMESPACES = 10_000


class Allowance:
    """Refuses what exceeds the quota of a namespace. Without quotas it asks the store nothing."""

    def __init__(
        self,
        quotas: Quotas,
        store: Store,
        markers: Markers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quotas = quotas
        self._store = store
        self._markers = markers
        self._clock = clock
        self._lock = threading.Lock()
        self._sizes: BoundedCache[str, tuple[int, float]] = BoundedCache(count=_NAMESPACES)
        """The bytes of a namespace, and when they were added up."""
        self.rate = ReportRate(quotas, clock)

    def begin(self, namespace: str) -> None:
        """Raise `OverQuota` if the namespace has more experiments than it may.

        The caller has written the marker of the new one before, so of any number of submits at the
        same time none can miss the others: there are never more than the quota allows. If two ask
        for the last place at the same moment, both may be refused.
        """
        most = self._quotas.of(namespace).experiments
        if most is None:
            return
        found = sum(1 for _ in islice(self._markers.names(namespace), most + 1))
        if found > most:
            raise _over(namespace, "experiments", most, "delete some, or ask the operator for more")

    def store(self, namespace: str) -> None:
        """Raise `OverQuota` if the namespace has as many bytes in the store as it may.

        Called before something begins that will store more. What runs already is not stopped.
        """
        most = self._quotas.of(namespace).stored_bytes
        if most is not None and self._size(namespace, most) >= most:
            remedy = "delete experiments, and try again some minutes later; or ask for more"
            raise _over(namespace, "stored_bytes", most, remedy)

    def _size(self, namespace: str, most: int) -> int:
        with self._lock:
            known = self._sizes.get(namespace)
        if known is None or self._clock() - known[1] >= MEASURED_SECONDS:
            known = self._store.size(f"v1/{namespace}/", most), self._clock()
            with self._lock:
                self._sizes.put(namespace, known)
        return known[0]

    def used(self, namespace: str, known: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Return use and limit of each quota that is set. `known` are uses that are not bytes."""
        quota = self._quotas.of(namespace)
        limits = {name: limit for name in known if (limit := getattr(quota, name)) is not None}
        found = {name: (known[name], limit) for name, limit in limits.items()}
        if quota.stored_bytes is not None:
            most = quota.stored_bytes
            found["stored_bytes"] = self._size(namespace, most), most
        return found

    def steps(self, namespace: str) -> int:
        """Return at how many steps a trial may push reports."""
        most = self._quotas.of(namespace).reports_per_trial
        return STEPS if most is None else min(most, STEPS)

    def refuse_lost(self, namespace: str, trial: Trial, reports: Sequence[Report]) -> None:
        """Raise `OverQuota` if a report was not recorded, because the trial has all it may."""
        if len(trial.reports) < self.steps(namespace):
            return
        known = {report.step for report in trial.reports}
        if not known.issuperset(report.step for report in reports):
            raise self.too_many_reports(namespace)

    def too_many_reports(self, namespace: str) -> OverQuota:
        remedy = "report at fewer steps, or ask the operator for more"
        return _over(namespace, "reports_per_trial", self.steps(namespace), remedy)


def _over(namespace: str, quota: str, value: float, remedy: str) -> OverQuota:
    error = FieldError(f"quota.{quota}", value, "is used up", remedy)
    return OverQuota(f"the namespace {namespace!r} has used up its quota of {quota}", [error])
