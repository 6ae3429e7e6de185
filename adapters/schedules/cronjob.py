"""A CronJob as the schedule of sweeps: armed each minute, else once an hour.

The object always exists, and only its schedule changes. So an hourly sweep remains whatever
happens, and the right to `patch` this one object is enough: RBAC cannot limit `create` to a name.
"""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tunelet.errors import FieldError, NotFound, Reject, Retry
from tunelet.ports import Armed, Schedule

if TYPE_CHECKING:
    from adapters.launchers.kubernetes.api import KubernetesApi

ARMED_AT = "tunelet.dev/armed-at"
"""The annotation with the time of the last arming, in seconds since the epoch."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_CRON = re.compile(r"\S+( \S+){4}")


class Options(NamedTuple):
    """The options in the query of the schedule's URL, in cron's form."""

    armed: str = "* * * * *"
    idle: str = "7 * * * *"


class CronJob:
    """Threads may share one. It connects at its first use."""

    def __init__(self, path: str, options: Options, api: "KubernetesApi | None" = None) -> None:
        """`path` is the API's path of the object."""
        self._path = path
        self._options = options
        if api is not None:
            self._api = api

    @cached_property
    def _api(self) -> "KubernetesApi":
        # Most calls of most functions never arm it.
        from adapters.launchers.kubernetes.access import access
        from adapters.launchers.kubernetes.api import KubernetesApi

        return KubernetesApi(access())

    def arm(self, now: float) -> None:
        # Written in any case: the new version keeps a sweep from disarming what it saw before.
        annotations = {ARMED_AT: repr(now)}
        self._change({"annotations": annotations}, self._options.armed)

    def look(self) -> Armed:
        try:
            found = self._api.get(self._path)
        except Reject as refusal:
            raise self._unusable(refusal) from refusal
        if found is None:
            raise self._unusable("there is none")
        metadata = found["metadata"]
        at = _seconds((metadata.get("annotations") or {}).get(ARMED_AT))
        active = found["spec"].get("schedule") != self._options.idle
        return Armed(active, metadata["resourceVersion"], at)

    def disarm(self, seen: Armed) -> bool:
        return self._change({"resourceVersion": seen.version}, self._options.idle)

    def _change(self, metadata: dict[str, Any], schedule: str) -> bool:
        change = {"metadata": metadata, "spec": {"schedule": schedule}}
        try:
            return self._api.replace(self._path, change) is not None
        except (NotFound, Reject) as refusal:
            raise self._unusable(refusal) from refusal

    def _unusable(self, why: object) -> Retry:
        """A transient fault: the caller's request is right, and the installation can be mended."""
        return Retry(f"the schedule of sweeps, {self._path}, cannot be used: {why}")


def _seconds(written: str | None) -> float | None:
    try:
        return None if written is None else float(written)
    except ValueError:
        return None  # written by hand


def open_url(url: str) -> CronJob:
    """The CronJob of `cronjob://NAMESPACE/NAME?armed=…&idle=…`; raises `Reject`."""
    parts = urlsplit(url)
    namespace, name = parts.netloc, parts.path.removeprefix("/")
    if not (_NAME.fullmatch(namespace) and _NAME.fullmatch(name)):
        raise _wrong("", url, "names no CronJob", "write it as cronjob://NAMESPACE/NAME")
    path = f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"
    return CronJob(path, _options(parts.query))


def _options(query: str) -> Options:
    chosen = dict(parse_qsl(query, keep_blank_values=True))
    for option, value in chosen.items():
        if option not in Options._fields:
            remedy = f"use one of {', '.join(Options._fields)}"
            raise _wrong(f".{option}", value, "is not an option", remedy)
        if not _CRON.fullmatch(value):
            remedy = "write it as five fields with %20 between them, such as *%20*%20*%20*%20*"
            raise _wrong(f".{option}", value, "is not a schedule in cron's form", remedy)
    options = Options(**chosen)
    if options.armed == options.idle:
        remedy = "set another one, or leave TUNELET_SCHEDULE unset if sweeps never pause"
        raise _wrong(".idle", options.idle, "is also the armed schedule", remedy)
    return options


def _wrong(option: str, value: str, message: str, remedy: str) -> Reject:
    error = FieldError(f"TUNELET_SCHEDULE{option}", value, message, remedy)
    return Reject(f"{value!r} in TUNELET_SCHEDULE {message}; {remedy}", [error])


if TYPE_CHECKING:
    _conforms: type[Schedule] = CronJob
