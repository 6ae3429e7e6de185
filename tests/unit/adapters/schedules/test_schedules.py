"""The schedule of sweeps, as TUNELET_SCHEDULE names it; tests/cluster has it on a real API."""

import pytest

from adapters.schedules import open_schedule
from adapters.schedules.cronjob import CronJob, Options, open_url
from functions.settings import Settings
from functions.wiring import schedule
from tests.unit.functions.test_settings import ENVIRONMENT
from tunelet.errors import Reject


@pytest.mark.parametrize(
    ("url", "field", "message"),
    [
        ("at://a/b", "TUNELET_SCHEDULE", "cronjob://NAMESPACE/NAME"),
        ("cronjob://a", "TUNELET_SCHEDULE", "names no CronJob"),
        ("cronjob://a/b/c", "TUNELET_SCHEDULE", "names no CronJob"),
        ("cronjob://a/b?often=1", "TUNELET_SCHEDULE.often", "use one of armed, idle"),
        ("cronjob://a/b?idle=hourly", "TUNELET_SCHEDULE.idle", "in cron's form"),
        ("cronjob://a/b?armed=7%20*%20*%20*%20*", "TUNELET_SCHEDULE.idle", "set another"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_remedy(url: str, field: str, message: str) -> None:
    with pytest.raises(Reject, match=message.replace("?", r"\?")) as refusal:
        open_schedule(url)
    assert [error.field for error in refusal.value.errors] == [field]


def test_the_times_may_be_set() -> None:
    opened = open_url("cronjob://a/b?armed=*/2%20*%20*%20*%20*&idle=0%20*/6%20*%20*%20*")
    assert opened._options == Options("*/2 * * * *", "0 */6 * * *")


def test_a_service_has_the_schedule_that_its_settings_name() -> None:
    assert schedule(Settings.from_env(ENVIRONMENT)) is None
    named = {**ENVIRONMENT, "TUNELET_SCHEDULE": "cronjob://tunelet/tunelet-sweep"}
    assert isinstance(schedule(Settings.from_env(named)), CronJob)
