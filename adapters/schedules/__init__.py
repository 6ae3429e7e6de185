"""Schedules of sweeps, chosen by URL."""

from urllib.parse import urlsplit

from tunelet.errors import FieldError, Reject
from tunelet.ports import Schedule


def open_schedule(url: str) -> Schedule:
    """Open the schedule at `url`, `cronjob://NAMESPACE/NAME`, without any request yet.

    Raises `Reject` for an unknown scheme or option.
    """
    if urlsplit(url).scheme != "cronjob":
        remedy = "use cronjob://NAMESPACE/NAME, or leave it unset if sweeps never pause"
        problem = FieldError("TUNELET_SCHEDULE", url, "names no schedule", remedy)
        raise Reject(f"no schedule is known for {url!r}; {remedy}", [problem])
    from adapters.schedules.cronjob import open_url

    return open_url(url)
