"""The token bucket of reports, with a clock of its own."""

import pytest

from tunelet.core.quotas import Quota, Quotas
from tunelet.engine.report_rate import BURST_SECONDS, ReportRate
from tunelet.errors import TooFast


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    rate = ReportRate(Quotas(Quota(reports_per_second=2.0)), clock)
    accepted = 0
    for _ in range(1000):
        try:
            rate.take("n", 1)
        except TooFast as fault:
            clock.now += fault.after or 0.0
        else:
            accepted += 1
    passed = clock.now - 100.0
    assert accepted <= 2.0 * (BURST_SECONDS + passed) + 1
    assert accepted > 2.0 * passed


def test_after_the_time_that_it_names_the_same_request_is_accepted() -> None:
    clock = Clock()
    rate = ReportRate(Quotas(Quota(reports_per_second=0.1)), clock)
    rate.take("n", 1000)
    with pytest.raises(TooFast) as refusal:
        rate.take("n", 1)
    assert refusal.value.after == pytest.approx(1000 / 0.1 - BURST_SECONDS)
    clock.now += refusal.value.after or 0.0
    rate.take("n", 1000)


def test_namespaces_have_buckets_of_their_own() -> None:
    rate = ReportRate(Quotas(Quota(reports_per_second=1.0), {"b": Quota()}), Clock())
    rate.take("a", 1000)
    rate.take("c", 1000)
    for _ in range(100):
        rate.take("b", 1000)
    with pytest.raises(TooFast):
        rate.take("a", 1)
