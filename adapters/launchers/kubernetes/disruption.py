"""Whether a training that exited was cut off from outside. Pure.

A training that saves its checkpoint on SIGTERM and exits with 0 looks like one that is done: its
pod is Succeeded, its Job Complete. What tells them apart is when the pod's disruption began (it
was evicted, preempted, deleted, or its node went away) against when the training ended. Where
that leaves a doubt the training was cut off: it costs a new attempt, and not a wrong result.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

Object = Mapping[str, Any]

SKEW_SECONDS = 5.0
"""By which the clock of a node, which says when a container ended, and the control plane's may
differ. So much earlier has a training to have ended to be known not to have been cut off."""


class Disruption(NamedTuple):
    at: float
    reason: str
    announced: bool
    """The cluster says that it is one; a deletion may be anybody's, also an operator's tidying."""


def disruption(pod: Object) -> Disruption | None:
    """What happened to the pod first; None if nothing did."""
    found = [each for each in (_announced(pod), _deleted(pod)) if each is not None]
    return min(found, default=None)


def cut_off(pod: Object, container: str) -> str | None:
    """Why the container of the pod may not have come to its own end; None if it has."""
    struck = disruption(pod)
    ended = ended_at(pod, container)
    if struck is None or (ended is not None and ended + SKEW_SECONDS < struck.at):
        return None
    return struck.reason


def doubt(
    job: Object | None, pods: Sequence[Object], trained: Object, container: str
) -> str | None:
    """Why the success of an object may not be that of the training in the pod `trained`.

    `job` is the object if it is a Job. A Job's controller deletes no pod of one that succeeds.
    """
    if (trained.get("status") or {}).get("phase") == "Failed":
        return "the pod that succeeded is gone"
    if reason := cut_off(trained, container):
        return reason
    if job is not None and (reason := vanished(job, pods)):
        return reason
    # A pod that failed, beside one that succeeded, was replaced.
    stayed = [pod for pod in pods if (pod.get("status") or {}).get("phase") != "Failed"]
    return beside(stayed, trained, container, strict=job is None)


def beside(pods: Iterable[Object], trained: Object, container: str, *, strict: bool) -> str | None:
    """Why another pod of the run may have been cut off before the container of `trained` ended.

    When a training has ended, operators delete the pods beside it, and may do so in the same
    second: where they do (`strict`), a deletion has to be earlier.
    """
    ended = ended_at(trained, container)
    for pod in pods:
        struck = disruption(pod)
        if pod is trained or struck is None:
            continue
        tie = struck.announced or not strict
        if ended is None or struck.at < ended or (tie and struck.at == ended):
            return f"of the pods of the run one was cut off: {struck.reason}"
    return None


def vanished(job: Object, pods: Iterable[Object]) -> str | None:
    """Why pods that succeeded are gone: somebody deleted them, perhaps before their end."""
    succeeded = int((job.get("status") or {}).get("succeeded") or 0)
    left = sum((pod.get("status") or {}).get("phase") == "Succeeded" for pod in pods)
    return "a pod of the run was deleted before its end was seen" if left < succeeded else None


def ended_at(pod: Object, container: str) -> float | None:
    """When the container ended, in seconds since the epoch; None if that is not known."""
    return moment(_terminated(pod, container).get("finishedAt"))


def started_at(pod: Object, container: str) -> float | None:
    """When a container that has ended was started."""
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
    """The time in the pod is that at which its grace ends.

    When all is over the kubelet deletes the pod once more, now without any grace: then it is not
    known any more when somebody first asked for it.
    """
    due = moment(pod["metadata"].get("deletionTimestamp"))
    if due is None:
        return None
    grace = pod["metadata"].get("deletionGracePeriodSeconds")
    return Disruption(due - grace if grace else 0.0, "the pod was deleted before it ended", False)


def moment(written: str | None) -> float | None:
    """Seconds since the epoch of a time as Kubernetes writes it."""
    return datetime.fromisoformat(written).timestamp() if written else None
