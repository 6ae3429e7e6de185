"""Notice the ends of Jobs and of objects of other kinds, by one watch per collection.

It is only a hint: a sweep finds a change that no watch reported.
"""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode

from adapters.launchers.kubernetes import diagnosis
from adapters.launchers.kubernetes.api import KubernetesApi, Object
from adapters.launchers.kubernetes.labels import SAVED, record_of, run_of
from tunelet import tracing
from tunelet.errors import TuneletError
from tunelet.ports import RunNews

WATCH_SECONDS = 25
"""The server ends a watch after this time. It is less than the read time-out, so that a dead
connection is noticed."""
PAUSE_SECONDS = 5.0
"""The pause after a fault. It doubles with each further fault, up to the longest."""
LONGEST_PAUSE_SECONDS = 300.0
"""A missing permission may be granted, or a kind's operator installed, so it tries forever."""

_log = logging.getLogger("tunelet.jobwatch")


class JobWatch:
    """Calls `news(namespace, experiment, number)`, from threads, when a trial's object has ended
    or is about to be deleted; `number` is None if it may be any trial's.

    It watches the collections that were added (a path of the Kubernetes API such as
    /apis/batch/v1/namespaces/N/jobs), and in them the objects that `selector` selects.
    """

    def __init__(
        self,
        api: KubernetesApi,
        selector: str,
        news: RunNews,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._api, self._selector = api, selector
        self._news, self._pause = news, pause
        self._threads: dict[str, threading.Thread] = {}
        self._turn = threading.Lock()
        self._stopping = threading.Event()

    def add(self, path: str) -> None:
        """Watch this collection too."""
        if path in self._threads:
            return
        with self._turn:
            if path not in self._threads:
                thread = threading.Thread(target=self._watch, args=(path,), daemon=True)
                self._threads[path] = thread
                thread.start()

    def stop(self) -> None:
        """Stop calling `news`. The threads end by themselves."""
        self._stopping.set()

    def _watch(self, path: str) -> None:
        version, pause, said = None, self._pause, ""
        while not self._stopping.is_set():
            try:
                version = self._changes(path, version or self._listed(path))
                pause, said = self._pause, ""
            except Exception as fault:  # noqa: BLE001 (the thread must go on forever)
                version = None
                if str(fault) != said:
                    said, known = str(fault), isinstance(fault, TuneletError)
                    _log.warning("the watch of %s is broken: %s", path, fault, exc_info=not known)
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _listed(self, path: str) -> str:
        """Report every experiment that has objects there; returns the version to watch from."""
        listed = self._api.get(f"{path}?{urlencode({'labelSelector': self._selector})}") or {}
        runs = [run for each in listed.get("items", ()) if (run := run_of(each))]
        for namespace, experiment in dict.fromkeys(run[:2] for run in runs):
            self._report(namespace, experiment, None)
        return str(listed.get("metadata", {}).get("resourceVersion", ""))

    def _changes(self, path: str, version: str) -> str | None:
        """Report changes until the watch ends; returns the version to continue from; None: list."""
        answer = self._api.stream(
            path,
            watch="1",
            allowWatchBookmarks="1",
            labelSelector=self._selector,
            resourceVersion=version,
            timeoutSeconds=str(WATCH_SECONDS),
        )
        with closing(answer):  # type: ignore[type-var]
            for change in _lines(answer):
                if self._stopping.is_set():
                    return None
                if change["type"] == "ERROR":
                    return None  # Usually the version is too old.
                version = change["object"]["metadata"]["resourceVersion"]
                if _matters(change) and (run := run_of(change["object"])):
                    record = record_of(change["object"])
                    with tracing.within(record.traceparent if record else None):
                        self._report(run.namespace, run.experiment, run.number)
        return version

    def _report(self, namespace: str, experiment: str, number: int | None) -> None:
        if not self._stopping.is_set():
            self._news(namespace, experiment, number)


def _matters(change: Object) -> bool:
    """Whether to report the change. A Job changes about five times before it ends (its pod is
    made, ready, done), and each observation costs three requests."""
    thing = change["object"]
    if change["type"] == "BOOKMARK":
        return False
    if change["type"] == "DELETED" or "deletionTimestamp" in thing["metadata"]:
        return True
    if SAVED in thing["metadata"].get("labels", {}):
        return False  # Its end is in the log.
    record = record_of(thing)
    return record is None or diagnosis.end(thing, record) is not None


def _lines(chunks: Iterator[bytes]) -> Iterator[Object]:
    """Yield JSON objects, one per line. The last line may be cut off."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, whole)
