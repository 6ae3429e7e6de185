"""Diagnose a run from the state of its Job and pods: waiting, stuck, or failed, and why. Pure.

A failure is the training's (FAIL) or the infrastructure's (LOST). These rules decide:

- A pod with the condition DisruptionTarget was evicted, preempted, or lost with its node: LOST.
- A container that ended by itself with an exit code, or ran out of memory: FAIL.
- A pod that is gone, or was deleted before its container had ended: LOST (see `disruption`).
- A pod that failed after another pod of the run was disrupted or deleted: LOST.
- A training that ended by SIGTERM, SIGINT or SIGHUP of an unknown sender: LOST.
- An image that does not exist, or a Secret that is missing: FAIL, after a grace time in which
  they may appear; a registry that cannot be reached: LOST.
"""

import re
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from adapters.launchers.kubernetes import disruption
from adapters.launchers.kubernetes.labels import COLLECTOR, RunRecord
from tunelet.core.trial import Verdict
from tunelet.request.criteria import criterion
from tunelet.training import outcome

Object = Mapping[str, Any]


class Finding(NamedTuple):
    """Why a run did not succeed."""

    verdict: Verdict
    reason: str
    exit_code: int | None = None
    pod: str | None = None
    """The pod and its container with output that shows more, if any."""
    container: str | None = None


_STARTING = ("ContainerCreating", "PodInitializing")
_PULL = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError")
_CONFIGURATION = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_NEVER = ("InvalidImageName", "ErrImageNeverPull")
_ANSWERED = re.compile(
    r"not found|does not exist|manifest unknown|no match for platform"
    r"|unauthorized|denied|forbidden",
    re.IGNORECASE,
)
"""The registry answered that the image does not exist."""
_TERMINATED = {128 + each: each for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
"""Exit codes after the signals that ask a process to end."""
_KILLED = 128 + signal.SIGKILL
_NO_PROGRAM = re.compile(
    r"executable file not found|no such file or directory|permission denied|exec format error"
    r"|not a directory|is a directory|argument list too long",
    re.IGNORECASE,
)
"""Reasons for which no node can start the container. Other reasons are the node's fault."""
_OWN_STORAGE = re.compile(r"exceeds the (total )?limit|exceeded its local ephemeral storage")


class End(NamedTuple):
    succeeded: bool
    reason: str = ""
    message: str = ""


def end(thing: Object, record: RunRecord) -> End | None:
    """Return how an object ended, by its or the request's conditions; None: it has not ended."""
    if record.success is None:
        return job_end(thing)
    if criterion(record.success).holds(thing):
        return End(True)
    for failure in record.failures:
        if criterion(failure).holds(thing):
            return _said(thing, failure)
    return None


def job_end(job: Object) -> End | None:
    """Return how a Job ended; None: it has not ended. An ended Job has no running pod."""
    for each in _conditions(job):
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return End(each["type"] == "Complete", each.get("reason", ""), each.get("message", ""))
    return None


def _said(thing: Object, failure: str) -> End:
    """Return the end of a failed object with its message: most kinds have one somewhere."""
    held = [each for each in _conditions(thing) if each.get("status") == "True"]
    newest = held[-1] if held else _status(thing)
    return End(False, str(newest.get("reason") or failure), str(newest.get("message") or ""))


def failure(
    end: End, pods: Sequence[Object], record: RunRecord, job: Object | None = None
) -> Finding:
    """Return why an object failed; `job` is the object if it is a Job.

    A disruption of one pod explains the failures of the others, even if that pod is gone. After
    one pod has failed the others are deleted, so a later deletion explains nothing.
    """
    if found := next(filter(None, (_disruption(pod, record) for pod in pods)), None):
        return found
    if "DisruptionTarget" in end.message:
        return Finding(Verdict.LOST, "the pod was evicted, preempted, or lost with its node")
    if job is not None and (gone := disruption.vanished(job, pods)):
        return Finding(Verdict.LOST, gone)
    for pod in pods:
        if found := _failure(pod, record):
            by = found.container or record.container
            why = disruption.beside(pods, pod, by, strict=job is None)
            return Finding(Verdict.LOST, why) if why and found.verdict is Verdict.FAIL else found
    if end.reason == "DeadlineExceeded":
        return Finding(Verdict.FAIL, outcome.too_long(record.timeout))
    if found := next(filter(None, map(_deletion, pods)), None):
        return found
    if record.success is not None:
        return Finding(Verdict.FAIL, f"it failed: {end.reason}: {end.message}".rstrip(": "))
    return Finding(Verdict.LOST, "the pod was deleted before it ended")


def stuck(pods: Sequence[Object], now: float, grace: float, token: str) -> Finding | None:
    """Return why the run will never begin, if it has waited for longer than `grace` seconds.

    `token` names the Secret that Tunelet itself creates.
    """
    for pod in pods:
        long = now - _time(_status(pod).get("startTime"), now) > grace
        for name, image, waiting in _waits(pod):
            reason, said = waiting.get("reason", ""), waiting.get("message", "")
            if name == COLLECTOR and long and reason not in _STARTING:
                return Finding(Verdict.LOST, f"the collector cannot be started: {said or reason}")
            if reason in _NEVER and (long or reason == "InvalidImageName"):
                return Finding(
                    Verdict.FAIL, f"the image {image!r} cannot be used: {reason}: {said}"
                )
            if reason in _PULL and long:
                kind = Verdict.FAIL if _ANSWERED.search(said) else Verdict.LOST
                return Finding(kind, f"the image {image!r} cannot be pulled: {said or reason}")
            if reason in _CONFIGURATION and long:
                kind = Verdict.LOST if f'"{token}"' in said else Verdict.FAIL
                return Finding(kind, f"the container {name!r} cannot be started: {said or reason}")
    return None


def waiting(job: Object, pods: Sequence[Object]) -> str | None:
    """Return why an active run waits; None if that cannot be seen in the Job and its pods."""
    if (job.get("spec") or {}).get("suspend"):
        return "it is suspended; a queue may let it go on"
    for pod in pods:
        for each in _conditions(pod):
            if each["type"] == "PodScheduled" and each["status"] == "False":
                return f"{each.get('reason')}: {each.get('message')}"
        for _, _, state in _waits(pod):
            if state.get("reason") not in _STARTING:
                return f"{state.get('reason')}: {state.get('message', '')}".rstrip(": ")
    return None


def primary(pods: Iterable[Object], record: RunRecord) -> Object | None:
    """Return the pod whose output is read: the newest one that trains and has the given labels.

    None if no pod has these labels, because others have the output of other processes.
    """
    wanted = record.primary.items()
    training = [pod for pod in pods if record.container in {n for n, _ in _containers(pod)}]
    chosen = [p for p in training if wanted <= (p["metadata"].get("labels") or {}).items()]
    return max(chosen, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def started(pod: Object, container: str) -> bool:
    """Whether the container has, or had, a process."""
    return any(
        name == container and ("running" in state or "terminated" in state)
        for name, state in _states(pod)
    )


def running_since(pod: Object, container: str) -> float | None:
    """Return when the container's process began; None if none runs."""
    for name, state in _states(pod):
        if name == container and (since := (state.get("running") or {}).get("startedAt")):
            return datetime.fromisoformat(since).timestamp()
    return None


def begun(pod: Object) -> bool:
    """Whether any container of the pod has, or had, a process."""
    return any("waiting" not in state for _, state in _states(pod))


def all_run(pod: Object) -> bool:
    """Whether each container runs; one that prepares the pod may have ended."""
    names = {str(each["name"]) for each in (pod.get("spec") or {}).get("containers") or ()}
    states = _states(pod)
    running = {name for name, state in states if "running" in state}
    return names <= running and not any("waiting" in state for _, state in states)


def has(pod: Object, container: str) -> bool:
    return container in {name for name, _ in _containers(pod)}


def overdue(thing: Object, now: float, record: RunRecord) -> Finding | None:
    """Return a finding if an object has existed for too long: its pods may be out of reach."""
    if record.timeout is None or age(thing, now) <= record.timeout:
        return None
    return Finding(Verdict.FAIL, outcome.too_long(record.timeout))


def age(thing: Object, now: float) -> float:
    """Return the seconds since it was created."""
    return now - _time(thing["metadata"]["creationTimestamp"], now)


def over(pod: Object) -> bool:
    return _status(pod).get("phase") in ("Succeeded", "Failed")


def _disruption(pod: Object, record: RunRecord) -> Finding | None:
    name, status = str(pod["metadata"]["name"]), _status(pod)
    if status.get("reason") == "Evicted" and _OWN_STORAGE.search(_reason(pod)):
        said = f"it took more storage than it may: {_reason(pod)}"
        return Finding(Verdict.FAIL, said, None, name, record.container)
    for each in _conditions(pod):
        if each["type"] == "DisruptionTarget" and each["status"] == "True":
            reason = f"{each.get('reason')}: {each.get('message')}"
            return Finding(Verdict.LOST, reason, None, name, record.container)
    return None


def _failure(pod: Object, record: RunRecord) -> Finding | None:
    name, status = str(pod["metadata"]["name"]), _status(pod)
    if status.get("phase") != "Failed" or disruption.cut_off(pod, record.container):
        return None
    if status.get("reason") == "DeadlineExceeded":
        reason = outcome.too_long(record.timeout)
        return Finding(Verdict.FAIL, reason, None, name, record.container)
    for container, state in sorted(_states(pod), key=lambda each: each[0] != record.container):
        end = state.get("terminated")
        if container == COLLECTOR:
            continue
        if end and (end["exitCode"] != 0 or end.get("reason") == "OOMKilled"):
            return _container_failure(pod, container, end, record)
    return Finding(Verdict.LOST, _reason(pod) or "the pod failed before it began", None, name)


def _deletion(pod: Object) -> Finding | None:
    if not pod["metadata"].get("deletionTimestamp"):
        return None
    name = str(pod["metadata"]["name"])
    return Finding(Verdict.LOST, "the pod was deleted before it ended", None, name)


def _reason(pod: Object) -> str:
    status = _status(pod)
    return f"{status.get('reason') or ''}: {status.get('message') or ''}".strip(": ")


def _container_failure(pod: Object, container: str, end: Object, record: RunRecord) -> Finding:
    code, reason = int(end["exitCode"]), end.get("reason")
    name, message = str(pod["metadata"]["name"]), str(end.get("message") or "").strip()
    which = "the training" if container == record.container else f"the container {container!r}"
    kind = Verdict.FAIL
    if reason == "ContainerStatusUnknown":
        kind, said = Verdict.LOST, f"{which} was lost with its node: {message}"
    elif reason == "OOMKilled":
        said = f"{which} ran out of memory: its limit is {_memory_limit(pod, container)}"
    elif reason in ("StartError", "ContainerCannotRun"):
        kind = Verdict.FAIL if _NO_PROGRAM.search(message) else Verdict.LOST
        said = f"{which} could not be started: {message}"
    elif code in record.bad_exit_codes:
        said = f"bad hyperparameters: {which} exited with {code}, one of bad_exit_codes"
    elif code in _TERMINATED:
        name = _TERMINATED[code].name
        kind, said = Verdict.LOST, f"{which} was ended by {name}, and nothing says who sent it"
    else:
        said = outcome.cause(_signalled(code), which)
        if code == _KILLED:
            # cgroup v1 kills only one process: if it is a child, no OOMKilled is reported.
            said += f" (its memory limit is {_memory_limit(pod, container)})"
    return Finding(kind, said, code, name, container)


def _signalled(code: int) -> int:
    """Return the signal in an exit code: runtimes and shells report 128 + n for signal n."""
    return 128 - code if 128 < code <= 128 + 64 else code


def _memory_limit(pod: Object, container: str) -> str:
    for name, spec in _containers(pod):
        if name == container:
            limits = (spec.get("resources") or {}).get("limits") or {}
            return str(limits.get("memory", "that of the node"))
    return "not known"


def _waits(pod: Object) -> Iterator[tuple[str, str, Object]]:
    """Yield name, image and state of the containers that wait."""
    images = {name: str(spec.get("image", "")) for name, spec in _containers(pod)}
    for name, state in _states(pod):
        if waiting := state.get("waiting"):
            yield name, images.get(name, ""), waiting


def _containers(pod: Object) -> list[tuple[str, Object]]:
    spec = pod.get("spec") or {}
    both = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return [(str(each["name"]), each) for each in both]


def _states(pod: Object) -> list[tuple[str, Object]]:
    status = _status(pod)
    both = (status.get("containerStatuses"), status.get("initContainerStatuses"))
    return [(str(s["name"]), s.get("state") or {}) for each in both for s in each or ()]


def _status(thing: Object) -> Object:
    found: Object = thing.get("status") or {}
    return found


def _conditions(thing: Object) -> list[Object]:
    found = _status(thing).get("conditions")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _time(written: str | None, default: float) -> float:
    return datetime.fromisoformat(written).timestamp() if written else default
