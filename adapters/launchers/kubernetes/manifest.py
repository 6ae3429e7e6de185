"""Makes the Kubernetes objects of a `Launch`. Pure.

A run is one object (a Job, or the object in the user's manifest) with a name that follows from the
run. A Secret has the trial's token: a variable in the pod would be visible to every reader of Jobs
and their events. For several nodes there is a headless Service. Both belong to the run's object, so
Kubernetes removes them with it.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from adapters.launchers.kubernetes import pods
from adapters.launchers.kubernetes.labels import RECORD, REPORTS, SEVERAL, RunRecord, labels
from adapters.launchers.kubernetes.pods import Object
from adapters.launchers.kubernetes.sidecar import NOTHING, Sidecar
from tunelet.core.run import Launch, Run
from tunelet.errors import Reject
from tunelet.request import manifest_shapes, manifests
from tunelet.request.kinds import group, kind_of, usual_primary

_ONLY_TRAINING = frozenset(
    (
        *(("batch", "Job"), ("", "Pod"), ("jobset.x-k8s.io", "JobSet")),
        *(("kubeflow.org", f"{kind}Job") for kind in ("PyTorch", "TF", "XGBoost", "Paddle", "JAX")),
    )
)
_QUEUE = "kueue.x-k8s.io/queue-name"


class Place(NamedTuple):
    """Where objects are created, and how long they stay."""

    namespace: str
    """The Kubernetes namespace."""
    installation: str
    ttl_seconds: int
    pod_labels: Mapping[str, str] = MappingProxyType({})
    """Further labels of the pods that train."""

    def labels(self, run: Run) -> dict[str, str]:
        """Return the labels of the run's pods."""
        return {**self.pod_labels, **labels(run, self.installation)}


def workload(launch: Launch, place: Place, collector: Sidecar = NOTHING) -> Object:
    """Return the object that is the run. Raises `Reject` if there is nothing to run."""
    if "manifest" in launch.code:
        return _of_manifest(launch, place, collector)
    if "image" not in launch.code:
        raise Reject("there is nothing to run; give an image or a manifest")
    return _job(launch, place, collector)


def container(launch: Launch) -> str:
    """Return the name of the container that trains."""
    if "manifest" in launch.code:
        return manifests.primary(launch.code) or ""
    return pods.CONTAINER


def record(launch: Launch, path: str = "") -> RunRecord:
    """Return the run's record. `path` is the API's path of the kind, unless it is a Job."""
    code = launch.code
    if "manifest" in code:
        return _record_of_manifest(launch, path)
    several = pods.nodes(launch) > 1
    return RunRecord(
        metrics=launch.metrics,
        container=container(launch),
        timeout=launch.timeout,
        bad_exit_codes=tuple(code.get("bad_exit_codes", ())),
        traceparent=launch.env.get("TRACEPARENT", ""),
        digest=launch.digest,
        primary={"batch.kubernetes.io/job-completion-index": "0"} if several else {},
    )


def _record_of_manifest(launch: Launch, path: str) -> RunRecord:
    code = launch.code
    success, failures = manifests.conditions(code)
    # A Job shows more than that it failed, so its conditions alone do not decide.
    judged = bool(path or code.get("success_condition") or code.get("failure_condition"))
    return RunRecord(
        metrics=launch.metrics,
        container=container(launch),
        timeout=launch.timeout,
        primary=dict(code.get("primary_pod_labels") or usual_primary(code["manifest"])),
        success=success if judged else None,
        failures=failures if judged else (),
        path=path,
        named=kind_of(code["manifest"]).named,
        digest=launch.digest,
    )


def secret(launch: Launch, place: Place, owner: Mapping[str, Any]) -> Object:
    """Return the Secret with the trial's token."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _owned(launch, place, owner),
        "immutable": True,
        "stringData": {pods.TOKEN: launch.env.get(pods.TOKEN, "")},
    }


def service(launch: Launch, place: Place, owner: Mapping[str, Any]) -> Object | None:
    """Return the Service by which the pods of several nodes find the first before it is ready.

    None if there is one node, or a manifest.
    """
    if "image" not in launch.code or pods.nodes(launch) == 1:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _owned(launch, place, owner),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": labels(launch.run, place.installation),
        },
    }


def anchor(launch: Launch, place: Place, path: str) -> Object:
    """Return the ConfigMap by which a run of another kind is found; see `objects`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": launch.run.name,
            "namespace": place.namespace,
            "labels": labels(launch.run, place.installation),
            "annotations": _annotations(record(launch, path)),
        },
    }


def owners(owner: Mapping[str, Any]) -> list[Object]:
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
        }
    ]


def _owned(launch: Launch, place: Place, owner: Mapping[str, Any]) -> Object:
    return {
        "name": launch.run.name,
        "namespace": place.namespace,
        "labels": labels(launch.run, place.installation),
        "ownerReferences": owners(owner),
    }


def _annotations(kept: RunRecord) -> dict[str, str]:
    return {RECORD: msgspec.json.encode(kept).decode()}


def _job(launch: Launch, place: Place, collector: Sidecar) -> Object:
    own = labels(launch.run, place.installation)
    queue = launch.code.get("queue")
    count = pods.nodes(launch)
    spec: Object = {
        # An attempt is one try: another try is a new attempt in the log.
        "backoffLimit": 0,
        "podFailurePolicy": {"rules": _rules(pods.CONTAINER, launch.code.get("bad_exit_codes"))},
        "ttlSecondsAfterFinished": place.ttl_seconds,
        "template": {
            "metadata": {
                "labels": place.labels(launch.run),
                "annotations": _reports(launch, collector)
                | {"kubectl.kubernetes.io/default-container": pods.CONTAINER},
            },
            "spec": pods.pod_spec(launch),
        },
    }
    if count > 1:
        spec |= {"completions": count, "parallelism": count, "completionMode": "Indexed"}
    _collect(spec["template"]["spec"], spec["template"]["spec"]["containers"][0], launch, collector)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": launch.run.name,
            "namespace": place.namespace,
            "labels": own | _several(spec) | ({_QUEUE: queue} if queue else {}),
            "annotations": _annotations(record(launch)),
        },
        "spec": spec,
    }


def _reports(launch: Launch, collector: Sidecar) -> dict[str, str]:
    by_itself = launch.metrics.source == "push"
    return {REPORTS: "true"} if by_itself or collector.containers else {}


def _several(spec: Mapping[str, Any]) -> dict[str, str]:
    counts = {spec.get("completions") or 1, spec.get("parallelism") or 1}
    return {} if counts == {1} else {SEVERAL: "true"}


def _rules(container: str, bad: Iterable[int] | None) -> list[Object]:
    """Rules that end the Job at once. The rule that applied gives the verdict."""
    disrupted = {
        "action": "FailJob",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }
    if not bad:
        return [disrupted]
    codes = {"containerName": container, "operator": "In", "values": sorted(set(bad))}
    return [disrupted, {"action": "FailJob", "onExitCodes": codes}]


def _of_manifest(launch: Launch, place: Place, collector: Sidecar) -> Object:
    """The user's manifest with the run's name and labels, and the contract in its containers."""
    manifest = manifests.copied(launch.code)
    manifest_shapes.check(manifest)
    own = labels(launch.run, place.installation)
    written = manifest.get("metadata") or {}
    manifest["metadata"] = {
        "name": launch.run.name,
        "namespace": place.namespace,
        "labels": {**(written.get("labels") or {}), **own},
        "annotations": {**(written.get("annotations") or {}), **_annotations(record(launch))},
    }
    primary = manifests.primary(launch.code)
    found = list(manifests.containers(manifest))
    for each in found:
        if each.template is not None:
            metadata = each.template.setdefault("metadata", {})
            metadata["labels"] = {**(metadata.get("labels") or {}), **place.labels(launch.run)}
        if each.name == primary:
            _give_contract(each.body, launch)
        if each.spec is not None and _needs_no_account(manifest, each.spec):
            each.spec.setdefault("automountServiceAccountToken", False)
    training = [each for each in found if each.name == primary and each.spec is not None]
    for each in training:
        if (limit := pods.deadline(launch.timeout)) is not None and each.spec is not None:
            each.spec.setdefault("activeDeadlineSeconds", limit)
    if training and training[0].spec is not None:
        _collect(training[0].spec, training[0].body, launch, collector)
    elif collector.containers and launch.metrics.source != "stdout":
        raise Reject("there is no pod in the manifest for the collector; print or push the metrics")
    _give_usual(manifest, place.labels(launch.run), place)
    return manifest


def _needs_no_account(manifest: Object, pod: Object) -> bool:
    """Whether the pods run only training, which gets no token unless the user names an account.

    Pods of other kinds (Argo's, Ray's, MPI's launcher) call the cluster's API themselves.
    """
    trains = (group(manifest), str(manifest["kind"])) in _ONLY_TRAINING
    return trains and not (pod.get("serviceAccountName") or pod.get("serviceAccount"))


def _give_contract(container: Object, launch: Launch) -> None:
    ours = pods.env(launch)
    names = {each["name"] for each in ours}
    theirs = [each for each in container.get("env") or () if each.get("name") not in names]
    container["env"] = [*theirs, *ours]
    if launch.args:
        container["args"] = [*(container.get("args") or ()), *map(pods.literal, launch.args)]


def _give_usual(manifest: Object, own: Mapping[str, str], place: Place) -> None:
    """Set what a kind needs so that it is tried once, found and removed, unless the user set it."""
    spec = manifest["spec"]
    if manifest["kind"] == "Job" and manifest["apiVersion"] == "batch/v1":
        manifest["metadata"]["labels"] |= _several(spec)
        spec.setdefault("backoffLimit", 0)
        spec.setdefault("ttlSecondsAfterFinished", place.ttl_seconds)
        pod = spec.get("template", {}).get("spec", {})
        pod.setdefault("restartPolicy", "Never")
        if pod["restartPolicy"] == "Never":
            spec.setdefault("podFailurePolicy", {"rules": _rules("", None)})
    if manifest["kind"] == "Workflow":
        metadata = spec.setdefault("podMetadata", {})
        metadata["labels"] = {**(metadata.get("labels") or {}), **own}


def _collect(spec: Object, container: Object, launch: Launch, collector: Sidecar) -> None:
    """Add the collector, which gets the token in the same way as the training."""
    for each in collector.containers:
        variables = [e for e in each.get("env") or () if e["name"] != pods.TOKEN]
        own = {**each, "env": [*variables, pods.token(launch)]}
        spec["initContainers"] = [own, *(spec.get("initContainers") or ())]
    if collector.volumes:
        spec["volumes"] = [*(spec.get("volumes") or ()), *collector.volumes]
    if collector.mounts:
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), *collector.mounts]
