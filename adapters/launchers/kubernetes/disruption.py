"""Decides whether a training that exited was interrupted from outside. Pure.

A training that saves its checkpoint on SIGTERM and exits with 0 looks like a finished one: its pod
is Succeeded, its Job Complete. The difference is the order of two times: the pod's disruption (it
was evicted, preempted, deleted, or lost its node) and the training's end. In doubt the training
counts as interrupted: that costs an attempt, but gives no wrong result.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

Object = Mapping[str, Any]

SKEW_SECONDS = 5.0
"""How much the clocks of a node and of the control plane may differ. The node's clock gives the end
of a container: a training counts as finished if it ended earlier than its disruption by this."""


class Disruption(NamedTuple):
    at: float
    reason: str
    announced: bool
    """Whether the cluster announced it. A deletion may have other causes, such as a cleanup."""


def disruption(pod: Object) -> Disruption | None:
    """Return the pod's first disruption; None if there was none."""
    found = [each for each in (_announced(pod), _deleted(pod)) if each is not None]
    return min(found, default=None)


def cut_off(pod: Object, container: str) -> str | None:
    """Return why the container may have been interrupted; None if it ended by itself."""
    struck = disruption(pod)
    ended = ended_at(pod, container)
    if struck is None or (ended is not None and ended + SKEW_SECONDS < struck.at):
        return None
    return struck.reason


def doubt(
    job: Object | None, pods: Sequence[Object], trained: Object, container: str
) -> str | None:
    """Return why an object's success may not mean that the training in the pod `trained` finished.

    None if there is no doubt. `job` is the object if it is a Job. A Job's controller deletes no pod
    of a Job that succeeds.
    """
    if (trained.get("status") or {}).get("phase") == "Failed":
        return "the pod that succeeded is gone"
    if reason := cut_off(trained, container):
        return reason
    if job is not None and (reason := vanished(job, pods)):
        return reason
    # If one pod succeeded, a failed pod was replaced by another.
    stayed = [pod for pod in pods if (pod.get("status") or {}).get("phase") != "Failed"]
    return beside(stayed, trained, container, strict=job is None)


def beside(pods: Iterable[Object], trained: Object, container: str, *, strict: bool) -> str | None:
    """Return why another pod may have been interrupted before the container of `trained` ended.

    None if none was. When a training has ended, some operators delete its other pods, perhaps in
    the same second. With such an operator (`strict`), only an earlier deletion counts.
    """
    ended = ended_at(trained, container)
    for pod in pods:
        struck = disruption(pod)
        if pod is trained or struck is None:
            continue
        tie = struck.announced or not strict
        if ended is None or struck.at < ended or (tie and struck.at == ended):
            return f"one pod of the run was interrupted: {struck.reason}"
    return None


def vanished(job: Object, pods: Iterable[Object]) -> str | None:
    """Return a reason if successful pods are gone: they were deleted, perhaps before their end."""
    succeeded = int((job.get("status") or {}).get("succeeded") or 0)
    left = sum((pod.get("status") or {}).get("phase") == "Succeeded" for pod in pods)
    return "a pod of the run was deleted before its end was seen" if left < succeeded else None


def ended_at(pod: Object, container: str) -> float | None:
    """Return when the container ended, in seconds since the epoch; None if it is not known."""
    return moment(_terminated(pod, container).get("finishedAt"))


def started_at(pod: Object, container: str) -> float | None:
    """Return when an ended container was started, in seconds since the epoch; None if unknown."""
    return moment(_terminated(pod, container).get("startedAt"))


def _terminated(pod: Object, container: str) -> Object:
    about = pod.get("status") or {}
    both = about.get("containerStatuses"), about.get("initContainerStatuses")
    for status in (each for statuses in both for each in statuses or ()):
        if status["name"] == container:
            found: Object = (status.get("state") or {}).get("terminated") or {}
            return found
    return {}


def _announced(pod: Object) -> Disruption | None:
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each["type"] == "DisruptionTarget" and each["status"] == "True":
            reason = f"{each.get('reason')}: {each.get('message')}"
            return Disruption(moment(each.get("lastTransitionTime")) or 0.0, reason, True)
    return None


def _deleted(pod: Object) -> Disruption | None:
    """The deletion of a pod. `deletionTimestamp` is the end of the grace period.

    After the end of all containers the kubelet deletes the pod again, without a grace period. Then
    the time of the first request is not known any more.
    """
    due = moment(pod["metadata"].get("deletionTimestamp"))
    if due is None:
        return None
    grace = pod["metadata"].get("deletionGracePeriodSeconds")
    return Disruption(due - grace if grace else 0.0, "the pod was deleted before it ended", False)


def moment(written: str | None) -> float | None:
    """Return the seconds since the epoch of a time in Kubernetes' form; None if there is none."""
    return datetime.fromisoformat(written).timestamp() if written else None
