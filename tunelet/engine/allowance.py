"""What a namespace may still begin and report, by its quota."""

import time
from collections.abc import Callable, Sequence
from itertools import islice

from tunelet.core.quotas import Quotas
from tunelet.core.trial import Report, Trial
from tunelet.engine.report_rate import ReportRate
from tunelet.errors import FieldError, OverQuota
from tunelet.log.markers import Markers
from tunelet.text.limits import STEPS


class Allowance:
    """Refuses what is beyond the quota of a namespace. Without quotas it asks the store nothing."""

    def __init__(
        self, quotas: Quotas, markers: Markers, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._quotas = quotas
        self._markers = markers
        self.rate = ReportRate(quotas, clock)

    def begin(self, namespace: str) -> None:
        """Raise `OverQuota` if the namespace has more experiments than it may.

        The caller has written the marker of the new one before, so of any number of submits at the
        same time none can miss the others: there are never more than the quota allows. If the last
        place is wanted twice at the same moment, both may be refused.
        """
        most = self._quotas.of(namespace).experiments
        if most is None:
            return
        found = sum(1 for _ in islice(self._markers.names(namespace), most + 1))
        if found > most:
            raise _over(namespace, "experiments", most, "delete some, or ask the operator for more")

    def steps(self, namespace: str) -> int:
        """Return at how many steps a trial may push reports."""
        most = self._quotas.of(namespace).reports_per_trial
        return STEPS if most is None else min(most, STEPS)

    def refuse_lost(self, namespace: str, trial: Trial, reports: Sequence[Report]) -> None:
        """Raise `OverQuota` if a report was not recorded, because the trial had all it may."""
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
