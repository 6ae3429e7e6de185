"""Run trainings as Jobs in a Kubernetes cluster, or as objects of any kind in a manifest.

All state is in the cluster: any number of launchers see and do the same. The trials of
the namespace N run in the cluster's namespace N, with a prefix if one is set.

An attempt that cannot begin (for example without its image) is condemned: its Job gets the outcome
as an annotation and a deadline in the past. So it ends with all its pods before its outcome is
observed, and two attempts of a trial never run at the same time.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.launchers.kubernetes import diagnosis, disruption, output
from adapters.launchers.kubernetes.api import KubernetesApi
from adapters.launchers.kubernetes.diagnosis import Finding, Object
from adapters.launchers.kubernetes.jobwatch import JobWatch
from adapters.launchers.kubernetes.labels import (
    COLLECTOR,
    OUTCOME,
    RunRecord,
    pod_labels,
    selector,
)
from adapters.launchers.kubernetes.manifest import container
from adapters.launchers.kubernetes.objects import Objects, Thing
from adapters.launchers.kubernetes.output import Output
from adapters.launchers.kubernetes.quantity import quantity
from adapters.launchers.kubernetes.reading import Readings
from adapters.launchers.kubernetes.sidecar import NOTHING, REQUESTS, Sidecar, sidecar
from adapters.launchers.kubernetes.versions import versions
from tunelet.core.run import Launch, Life, Observation, Phase, Run, by_life
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import FieldError, NotFound, Reject
from tunelet.ports import Room, RunNews, Versions, WatchableLauncher
from tunelet.training import outcome as verdict

_LABEL = re.compile(r"[a-z][a-z0-9-]{0,21}")
"""A prefix. With a namespace of at most 40 characters it fits into 63."""

BEGINNING_SECONDS = 10.0
"""Seconds before the launcher asks why a run has not begun: for the answer the API searches all
events of the namespace."""


class Options(NamedTuple):
    """The options in the query of the launcher's URL."""

    prefix: str = ""
    """Prepended to an experiment's namespace to get the cluster's."""
    installation: str = "tunelet"
    """Separates the runs of several installations in one cluster: each has its own name."""
    collector_image: str = ""
    """The image of the sidecar that reads metrics as they come."""
    collector_cpu: str = REQUESTS["cpu"]
    """The sidecar's CPU request, which counts against the quota."""
    collector_memory: str = REQUESTS["memory"]
    ttl_seconds: int = 86_400
    """Seconds for which ended Jobs and their output stay. Their end must be recorded by then."""
    grace_seconds: int = 180
    """Seconds for which an image or a Secret may be missing."""
    pod_labels: str = ""
    """Further labels of the pods that train: KEY=VALUE, several separated by commas."""


class KubernetesLauncher:
    """`clock` gives seconds since the epoch."""

    def __init__(
        self,
        api: KubernetesApi,
        options: Options | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = chosen = options or Options()
        self._api, self._clock = api, clock
        self._watches: list[JobWatch] = []
        self._readings = Readings()
        self._objects = Objects(
            api,
            chosen.prefix,
            chosen.installation,
            chosen.ttl_seconds,
            pod_labels(chosen.pod_labels),
        )

    in_process = False

    @property
    def announces_room(self) -> bool:
        """False: a sweep launches runs that wait for a quota."""
        return False

    def launch(self, launch: Launch) -> None:
        self._look_after(self._objects.create(launch, self._collector(launch)))

    def observe(self, run: Run) -> Observation:
        thing = self._objects.find(run)
        if thing is not None:
            self._look_after(thing.collection)
        seen = self._seen(run, thing)
        return seen if thing is None else msgspec.structs.replace(seen, digest=thing.record.digest)

    def _seen(self, run: Run, thing: Thing | None) -> Observation:
        if thing is None or thing.deleting:
            return self._leaving(run, thing)
        end = diagnosis.end(thing.body, thing.record)
        condemned = _condemned(thing)
        if condemned is not None and diagnosis.job_end(thing.body) is not None:
            return Observation(phase=Phase.ENDED, outcome=condemned)
        pods = self._objects.pods(run, thing.record)
        if end is None:
            return self._active(thing, pods)
        if end.succeeded:
            return self._succeeded(thing, pods)
        job = thing.body if thing.job else None
        return self._failed(thing, pods, diagnosis.failure(end, pods, thing.record, job))

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        things = self._objects.unfinished(namespace, experiment)
        return sorted(each.run for each in things if not diagnosis.end(each.body, each.record))

    def lives(self) -> Mapping[Life, Versions]:
        """See `Launcher.lives`. None without an own name: they might be another installation's."""
        if self._options.installation == Options().installation:
            return {}
        return by_life(versions(self._objects.live_pods()))

    def origin(self, run: Run) -> str | None:
        """Return None, not known: labels name only the installation, which has one store."""
        return None

    @property
    def stop_removes_output(self) -> bool:
        """True: the pod goes with its object, and its output with the pod."""
        return True

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        things = self._objects.unsaved(namespace, experiment)
        return sorted(each.run for each in things if diagnosis.end(each.body, each.record))

    def saved(self, run: Run) -> None:
        thing = self._objects.find(run)
        if thing is not None and not thing.deleting:
            self._objects.mark_saved(thing)

    def stop(self, run: Run) -> None:
        thing = self._objects.find(run)
        if thing is not None and not thing.deleting:
            # In the foreground: the object exists until its pods are gone.
            self._objects.delete(thing, "Foreground")

    def logs(self, run: Run) -> Iterator[bytes]:
        thing = self._objects.find(run)
        missing = f"trial {run.number}, attempt {run.attempt} has no output"
        if thing is None:
            raise NotFound(missing)
        pods = self._objects.pods(run, thing.record)
        pod = diagnosis.primary(pods, thing.record)
        if pod is None or not diagnosis.started(pod, thing.record.container):
            waits = self._waiting(thing, pods)
            raise NotFound(f"{missing} yet: {waits}" if waits else f"{missing} yet")
        try:
            return self._objects.output(run, pod["metadata"]["name"], thing.record.container)
        except Reject as refusal:
            raise NotFound(f"{missing}: {refusal}") from refusal

    def heard(self, run: Run) -> float | None:
        """See `Launcher.heard`. The time is the node's: its clock should be right."""
        thing = self._objects.find(run)
        if thing is None:
            return None
        pods = () if thing.deleting else self._objects.pods(run, thing.record)
        pod = diagnosis.primary(pods, thing.record)
        began = diagnosis.running_since(pod, thing.record.container) if pod is not None else None
        if pod is None or began is None:
            return None
        return max(began, output.last_printed(self._objects, thing, pod) or began)

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        for thing in self._objects.all(namespace, experiment):
            if thing.run.uid == uid and diagnosis.end(thing.body, thing.record):
                self._objects.delete(thing, "Background")
        self._objects.delete_anchors(namespace, experiment, uid)

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        return None

    def ready(self) -> None:
        self._api.get("/api")

    def watch(self, news: RunNews, room: Room) -> Callable[[], None]:
        """Watch runs from threads; returns a function that ends the watch.

        Calls `news(namespace, experiment, number)` when a trial's object has ended; `number` is
        None if it may be any trial's.

        It watches the namespaces and kinds in which this launcher has launched or seen runs: it
        needs no permission for others, and namespaces that users only name cost nothing. `room`
        is never called: a sweep launches runs that wait for a quota.
        """
        wanted = selector(self._options.installation)
        watch = JobWatch(self._api, wanted, news)
        self._watches.append(watch)

        def stop() -> None:
            self._watches.remove(watch)
            watch.stop()

        return stop

    def _look_after(self, collection: str) -> None:
        for watch in self._watches:
            watch.add(collection)

    def _leaving(self, run: Run, thing: Thing | None) -> Observation:
        """Observe a run without its object, or with a deleted one: its pods may still write."""
        pods = self._objects.pods(run) if thing is None else ()
        if thing is None and all(map(diagnosis.over, pods)):
            return Observation(phase=Phase.ABSENT, removed=bool(pods))
        return Observation(phase=Phase.ACTIVE, waiting="it is being deleted", removed=True)

    def _active(self, thing: Thing, pods: Sequence[Object]) -> Observation:
        now, options = self._clock(), self._options
        found = diagnosis.stuck(pods, now, options.grace_seconds, thing.run.name)
        if found is None and not thing.job:
            found = diagnosis.overdue(thing.body, now, thing.record)
        if found is not None and _condemned(thing) is None:
            return self._condemn(thing, found)
        pod = diagnosis.primary(pods, thing.record)
        reports: tuple[Report, ...] = ()
        if pod is not None:
            reports = output.look(self._objects, self._readings, thing, pod)
        begins = diagnosis.age(thing.body, now) < BEGINNING_SECONDS
        waits = diagnosis.waiting(thing.body, pods) if begins else self._waiting(thing, pods)
        return Observation(phase=Phase.ACTIVE, reports=reports, waiting=waits)

    def _condemn(self, thing: Thing, found: Finding) -> Observation:
        outcome = Outcome(found.verdict, reason=found.reason, exit_code=found.exit_code)
        if not thing.job:
            self._objects.delete(thing, "Foreground")
            return Observation(phase=Phase.ENDED, outcome=outcome)
        kept = {OUTCOME: msgspec.json.encode(outcome).decode()}
        change = {"metadata": {"annotations": kept}, "spec": {"activeDeadlineSeconds": 1}}
        self._objects.change(thing, change)
        return Observation(phase=Phase.ACTIVE, waiting=found.reason)

    def _succeeded(self, thing: Thing, pods: Sequence[Object]) -> Observation:
        """Observe a run with a successful object. Its pods show whether its training succeeded."""
        record = thing.record
        pod = diagnosis.primary(pods, record)
        if pod is None:
            gone = "its pod was deleted before its end was observed"
            return Observation(phase=Phase.ENDED, outcome=Outcome(Verdict.LOST, reason=gone))
        seen = output.whole(self._objects, self._readings, thing, pod, record.container)
        job = thing.body if thing.job else None
        if doubt := disruption.doubt(job, pods, pod, record.container):
            outcome = Outcome(Verdict.LOST, reason=doubt)
        else:
            outcome = _exited(record, pod, seen)
        return Observation(phase=Phase.ENDED, reports=seen.reports, outcome=outcome)

    def _failed(self, thing: Thing, pods: Sequence[Object], found: Finding) -> Observation:
        named = {str(pod["metadata"]["name"]): pod for pod in pods}
        pod = named.get(found.pod or "") or diagnosis.primary(pods, thing.record)
        container = found.container or thing.record.container
        seen = Output()
        if pod is not None and diagnosis.started(pod, container):
            seen = output.whole(self._objects, self._readings, thing, pod, container)
        outcome = Outcome(
            found.verdict, reason=found.reason, exit_code=found.exit_code, log_tail=seen.tail
        )
        return Observation(phase=Phase.ENDED, reports=seen.reports, outcome=outcome)

    def _waiting(self, thing: Thing, pods: Sequence[Object]) -> str | None:
        """Return why an active run waits; None if it does not."""
        if waits := diagnosis.waiting(thing.body, pods):
            return waits
        if not pods:
            return self._objects.trouble(thing.run, thing.body["kind"], thing.run.name)
        for pod in pods:
            if not diagnosis.begun(pod):
                return self._objects.trouble(thing.run, "Pod", pod["metadata"]["name"])
        return None

    def _collector(self, launch: Launch) -> Sidecar:
        image, source = self._options.collector_image, launch.metrics.source
        if source == "push" or (source == "stdout" and not image):
            return NOTHING
        if not image:
            message = f"is {source!r}, which needs a collector in the pod"
            remedy = "set ?collector_image=IMAGE in TUNELET_LAUNCHER, or print the metrics"
            error = FieldError("metrics.source", source, message, remedy)
            raise Reject(f"metrics.source {message}; {remedy}", [error])
        requests = {"cpu": self._options.collector_cpu, "memory": self._options.collector_memory}
        return sidecar(launch, image, container(launch), requests)


def open_url(
    url: str, *, aliases: Mapping[str, Sequence[str]], limit: int | None
) -> KubernetesLauncher:
    """Open the launcher of `kubernetes://?prefix=…&…`; the query may set all `Options`.

    Raises `Reject` for `aliases`, because it runs images and not local commands, and for `limit`,
    because the cluster limits the active runs (by a ResourceQuota, or a queue).
    """
    from adapters.launchers.kubernetes.access import access

    for name, given in (("TUNELET_ALIASES", aliases), ("TUNELET_MAX_PROCESSES", limit)):
        if given:
            message, remedy = "has no effect in Kubernetes", "leave it unset"
            raise Reject(f"{name} {message}; {remedy}", [FieldError(name, given, message, remedy)])
    options = _options(url)
    return KubernetesLauncher(KubernetesApi(access()), options)


def _options(url: str) -> Options:
    fields = Options.__annotations__
    chosen: dict[str, str | int] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name not in fields:
            raise _wrong(name, value, "is not an option", f"use one of {', '.join(fields)}")
        number = fields[name] is int
        if number and not (value.isascii() and value.isdigit()):
            raise _wrong(name, value, "is not a number of seconds", "write it in digits")
        label = name in ("prefix", "installation") and value
        if label and not _LABEL.fullmatch(value):
            remedy = "use at most 22 of a-z, 0-9 and -, and begin with a letter"
            raise _wrong(name, value, "cannot be part of a name", remedy)
        if name in ("collector_cpu", "collector_memory"):
            quantity(value, f"TUNELET_LAUNCHER.{name}")
        if name == "pod_labels":
            pod_labels(value)
        chosen[name] = int(value) if number else value
    return Options(**chosen)  # type: ignore[arg-type]


def _wrong(name: str, value: str, message: str, remedy: str) -> Reject:
    error = FieldError(f"TUNELET_LAUNCHER.{name}", value, message, remedy)
    return Reject(f"{name}={value} in TUNELET_LAUNCHER {message}; {remedy}", [error])


def _exited(record: RunRecord, pod: Object, seen: Output) -> Outcome:
    """The outcome of a training that ended by itself, with exit code 0."""
    outcome = verdict.exited(0, record.metrics, seen.values, seen.tail, seen.remarks)
    if not seen.read:
        return Outcome(Verdict.COMPLETE, reason=output.unread(pod), exit_code=0, unread=True)
    if outcome.verdict is Verdict.FAIL and diagnosis.has(pod, COLLECTOR):
        # The reports during the training are in the log, and may have all values.
        values, reason = dict(seen.values), outcome.reason
        return Outcome(Verdict.COMPLETE, values, reason=reason, exit_code=0)
    if outcome.verdict is Verdict.FAIL and seen.limit:
        return msgspec.structs.replace(outcome, reason=f"{outcome.reason}; {seen.limit}")
    return outcome


def _condemned(thing: Thing) -> Outcome | None:
    written = (thing.body["metadata"].get("annotations") or {}).get(OUTCOME)
    return msgspec.json.decode(written, type=Outcome) if written else None


if TYPE_CHECKING:

    def _conforms(launcher: KubernetesLauncher) -> WatchableLauncher:
        return launcher
