"""Finds, makes and deletes the objects of runs in a cluster.

A run is a Job, found by its name. A run of another kind also has a ConfigMap of the same name, its
anchor, with the API's path of the object: the API cannot list all kinds.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from adapters.launchers.kubernetes import manifest
from adapters.launchers.kubernetes.api import KubernetesApi, Object
from adapters.launchers.kubernetes.labels import (
    SAVED,
    SEVERAL,
    RunRecord,
    record_of,
    run_of,
    selector,
)
from adapters.launchers.kubernetes.manifest import Place
from adapters.launchers.kubernetes.sidecar import Sidecar
from tunelet.core.run import Launch, Run
from tunelet.errors import FieldError, NotFound, Reject

_CORE = "/api/v1/namespaces/{}/{}"
_JOB = ("batch/v1", "Job")
_GROUP, _PLURAL = r"/(api|apis/[a-z0-9.-]+)/[a-z0-9]+/namespaces/", "/[a-z0-9]+"
"""The parts of a kind's path, before and after the namespace."""
_GONE = re.compile(
    rb"(?:unable to retrieve container logs for"
    rb"|failed to (?:try resolving|open|find|read|seek|parse)) [^\n]+\s*"
)


class Thing(NamedTuple):
    """The object of a run."""

    run: Run
    path: str
    body: Object
    record: RunRecord
    job: bool

    @property
    def collection(self) -> str:
        """The path at which the API lists objects of its kind and namespace."""
        return self.path.rpartition("/")[0]

    @property
    def deleting(self) -> bool:
        return "deletionTimestamp" in self.body["metadata"]


class Objects:
    """The objects of one installation. `prefix` precedes the experiments' namespaces."""

    def __init__(
        self,
        api: KubernetesApi,
        prefix: str,
        installation: str,
        ttl_seconds: int,
        pod_labels: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._api, self._pod_labels = api, pod_labels
        self._prefix, self._installation, self._ttl_seconds = prefix, installation, ttl_seconds
        self._paths: dict[tuple[str, str], str] = {}

    def create(self, launch: Launch, collector: Sidecar) -> str:
        """Create the run's objects that are missing; returns the path of the run's collection.

        The Secret is created last. No container starts without it, so a running one lacks nothing.
        """
        namespace = self._namespace(launch.run)
        place = Place(namespace, self._installation, self._ttl_seconds, self._pod_labels)
        thing = manifest.workload(launch, place, collector)
        path = self._path(thing, place.namespace)
        anchors = self._core(launch.run, "configmaps")
        if not _is_job(thing):
            anchor = manifest.anchor(launch, place, path)
            # The watch judges the object by its own record.
            thing["metadata"]["annotations"] |= anchor["metadata"]["annotations"]
            self._make(anchors, anchor)
        made = self._make(path, thing) or self._ours(path, launch.run)
        if _digest(made) not in ("", launch.digest):
            # It was launched before an older copy of the store was restored. A Secret with this
            # trial's token would let it report for this trial.
            return path
        if not _is_job(thing):
            owned = {"metadata": {"ownerReferences": manifest.owners(made)}}
            self._api.patch(f"{anchors}/{launch.run.name}", owned)
        if service := manifest.service(launch, place, made):
            self._make(self._core(launch.run, "services"), service)
        self._make(self._core(launch.run, "secrets"), manifest.secret(launch, place, made))
        return path

    def find(self, run: Run) -> Thing | None:
        path = self._jobs(run)
        if (body := self._api.get(f"{path}/{run.name}")) is not None:
            return _thing(run, path, body, record_of(body), True)
        anchor = self._api.get(f"{self._core(run, 'configmaps')}/{run.name}")
        record = self._record(run.namespace, anchor) if anchor is not None else None
        body = self._api.get(f"{record.path}/{run.name}") if record is not None else None
        if record is None or body is None:
            return None
        # An anchor may be of another launch than the object.
        own = msgspec.structs.replace(record, digest=_digest(body))
        return _thing(run, record.path, body, own, False)

    def all(self, namespace: str, experiment: str) -> Iterator[Thing]:
        """Yield the experiment's runs of any uid, including ended ones."""
        wanted = selector(self._installation, namespace=namespace, experiment=experiment)
        path = self._jobs(Run(namespace, experiment, "", 0, 0))
        yield from _jobs(path, self._api.list(path, labelSelector=wanted))
        yield from self._others(namespace, experiment)

    def unfinished(self, namespace: str, experiment: str) -> Iterator[Thing]:
        """Yield the runs of `all` without most of the successful ones, which may be many."""
        wanted = selector(self._installation, namespace=namespace, experiment=experiment)
        path = self._jobs(Run(namespace, experiment, "", 0, 0))
        single = {"labelSelector": f"{wanted},!{SEVERAL}", "fieldSelector": "status.successful=0"}
        yield from _jobs(path, self._api.list(path, **single))
        yield from _jobs(path, self._api.list(path, labelSelector=f"{wanted},{SEVERAL}"))
        yield from self._others(namespace, experiment)

    def unsaved(self, namespace: str, experiment: str) -> Iterator[Thing]:
        """Yield the runs of `all` without those that `mark_saved` has marked."""
        wanted = selector(self._installation, namespace=namespace, experiment=experiment)
        path = self._jobs(Run(namespace, experiment, "", 0, 0))
        yield from _jobs(path, self._api.list(path, labelSelector=f"{wanted},!{SAVED}"))
        yield from self._others(namespace, experiment, f",!{SAVED}")

    def mark_saved(self, thing: Thing) -> None:
        anchor = f"{self._core(thing.run, 'configmaps')}/{thing.run.name}"
        path = thing.path if thing.job else anchor
        self._api.patch(path, {"metadata": {"labels": {SAVED: "true"}}})

    def _others(self, namespace: str, experiment: str, further: str = "") -> Iterator[Thing]:
        """Runs of other kinds than Job, with anchors that meet the `further` selector."""
        wanted = selector(self._installation, namespace=namespace, experiment=experiment)
        anchors = self._core(Run(namespace, experiment, "", 0, 0), "configmaps")
        found = self._api.list(anchors, labelSelector=wanted + further)
        records = {
            run: record
            for each in found
            if (run := run_of(each)) and (record := self._record(namespace, each))
        }
        for path in sorted({record.path for record in records.values()}):
            for body in self._api.list(path, labelSelector=wanted):
                run = run_of(body)
                if run is not None and (thing := _thing(run, path, body, records.get(run), False)):
                    yield thing

    def _record(self, namespace: str, anchor: Object) -> RunRecord | None:
        """Return the record of an anchor; None if it leads out of the run's namespace.

        Others may write ConfigMaps there, but not have this service read or delete elsewhere.
        """
        record, own = record_of(anchor), re.escape(self._prefix + namespace)
        inside = record is not None and re.fullmatch(_GROUP + own + _PLURAL, record.path)
        return record if inside else None

    def pods(self, run: Run, record: RunRecord | None = None) -> list[Object]:
        wanted = selector(self._installation, run)
        if record is not None and record.named:
            wanted = f"{record.named}={run.name}"
        return list(self._api.list(self._core(run, "pods"), labelSelector=wanted))

    def live_pods(self) -> Iterator[Object]:
        """Yield the pods that have not ended, of all runs in all namespaces.

        Leaves out pods that say they are of a run in another namespace: tenants may make such.
        """
        phases = "status.phase!=Succeeded,status.phase!=Failed"
        wanted = selector(self._installation)
        for pod in self._api.list("/api/v1/pods", labelSelector=wanted, fieldSelector=phases):
            run = run_of(pod)
            if run is not None and pod["metadata"]["namespace"] == self._namespace(run):
                yield pod

    def trouble(self, run: Run, kind: str, name: str) -> str | None:
        """Return the last warning about an object; None if there is none."""
        about = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
        events = list(self._api.list(self._core(run, "events"), fieldSelector=about))
        events.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime")))
        return f"{events[-1].get('reason')}: {events[-1].get('message')}" if events else None

    def output(self, run: Run, pod: str, container: str, **query: str) -> Generator[bytes]:
        """Yield the output of a container. Raises `NotFound` or `Reject` at once if absent."""
        path = f"{self._core(run, 'pods')}/{pod}/log"
        chunks = self._api.stream(path, container=container, **query)
        first = next(chunks, b"")
        # The node sends this error with status 200, as if the container had printed it.
        if _GONE.fullmatch(first):
            raise NotFound(first.decode(errors="replace"))
        return _joined(first, chunks)

    def change(self, thing: Thing, change: Object) -> None:
        self._api.patch(thing.path, change)

    def delete(self, thing: Thing, propagation: str) -> None:
        self._api.delete(thing.path, propagation)

    def delete_anchors(self, namespace: str, experiment: str, uid: str) -> None:
        """Delete anchors of objects that were never made; the others go with their objects."""
        path = self._core(Run(namespace, experiment, uid, 0, 0), "configmaps")
        wanted = selector(self._installation, namespace=namespace, experiment=experiment, uid=uid)
        for each in self._api.list(path, labelSelector=wanted):
            if not each["metadata"].get("ownerReferences"):
                self._api.delete(f"{path}/{each['metadata']['name']}", "Background")

    def _make(self, path: str, thing: Object) -> Object | None:
        try:
            return self._api.create(path, thing)
        except NotFound as missing:
            namespace = thing["metadata"]["namespace"]
            remedy = f"create it (kubectl create namespace {namespace}) with Tunelet's Role in it"
            error = FieldError("namespace", namespace, str(missing), remedy)
            raise Reject(f"{missing}; {remedy}", [error]) from missing

    def _ours(self, path: str, run: Run) -> Object:
        """The existing object with the run's name. Raises `Reject` if it is not this run's."""
        body = self._api.get(f"{path}/{run.name}")
        if body is None or run_of(body) != run:
            plural = path.rpartition("/")[2]
            raise Reject(f"there is a foreign object {run.name!r} among the {plural}")
        return body

    def _path(self, thing: Object, namespace: str) -> str:
        """The API's path of the thing's kind. Raises `Reject` if the cluster does not have it."""
        kind = (str(thing["apiVersion"]), str(thing["kind"]))
        if kind not in self._paths:
            self._paths[kind] = self._plural(*kind)
        root = "api" if "/" not in kind[0] else "apis"
        return f"/{root}/{kind[0]}/namespaces/{namespace}/{self._paths[kind]}"

    def _plural(self, version: str, kind: str) -> str:
        if (version, kind) == _JOB:
            return "jobs"
        known: dict[str, Any] = (
            self._api.get(f"/{'apis' if '/' in version else 'api'}/{version}") or {}
        )
        resources: Iterable[dict[str, Any]] = known.get("resources", ())
        for each in resources:
            if each["kind"] == kind and "/" not in each["name"] and each["namespaced"]:
                return str(each["name"])
        message = f"the cluster has no kind {kind} in {version}"
        remedy = "install its operator, or correct apiVersion and kind"
        error = FieldError("model_training_code.manifest.kind", kind, message, remedy)
        raise Reject(f"{message}; {remedy}", [error])

    def _namespace(self, run: Run) -> str:
        return self._prefix + run.namespace

    def _jobs(self, run: Run) -> str:
        return f"/apis/batch/v1/namespaces/{self._namespace(run)}/jobs"

    def _core(self, run: Run, plural: str) -> str:
        return _CORE.format(self._namespace(run), plural)


def _digest(body: Object) -> str:
    """Return `Launch.digest` of the object; empty if it is not known."""
    record = record_of(body)
    return record.digest if record is not None else ""


def _thing(run: Run, path: str, body: Object, record: RunRecord | None, job: bool) -> Thing | None:
    """The run's object; None if it is a foreign object with the same name."""
    if record is None or run_of(body) != run:
        return None
    return Thing(run, f"{path}/{run.name}", body, record, job)


def _jobs(path: str, bodies: Iterable[Object]) -> Iterator[Thing]:
    for body in bodies:
        run = run_of(body)
        if run is not None and (thing := _thing(run, path, body, record_of(body), True)):
            yield thing


def _joined(first: bytes, rest: Iterator[bytes]) -> Generator[bytes]:
    if first:
        yield first
    yield from rest


def _is_job(thing: Object) -> bool:
    return (thing["apiVersion"], thing["kind"]) == _JOB
