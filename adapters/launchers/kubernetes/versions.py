"""The versions of the states of runs, from one listing of pods. Pure.

A pod's `resourceVersion` changes with all that its node or a controller writes into it. A Job
that ends, is suspended, deleted or exceeds its deadline ends its pods. So nothing happens to a run
as long as its running pods have the same versions, unless the launcher itself has to act with time:
on a pod that does not begin, and on objects of other kinds than Job.
"""

from collections import defaultdict
from collections.abc import Iterable

from adapters.launchers.kubernetes.diagnosis import Object, all_run
from adapters.launchers.kubernetes.labels import REPORTS, run_of
from tunelet.core.run import Run


def versions(pods: Iterable[Object]) -> dict[Run, str]:
    """Return the runs of these pods, which have not ended; the version is empty if only an
    observation of the run shows whether there is news."""
    found = defaultdict[Run, list[str]](list)
    for pod in pods:
        if (run := run_of(pod)) is not None:
            found[run].append(_version(pod))
    return {run: ",".join(sorted(each)) if all(each) else "" for run, each in found.items()}


def _version(pod: Object) -> str:
    metadata = pod["metadata"]
    owners = [each.get("kind") for each in metadata.get("ownerReferences") or ()]
    reports = (metadata.get("annotations") or {}).get(REPORTS) == "true"
    if not reports or owners != ["Job"] or "deletionTimestamp" in metadata or not all_run(pod):
        return ""
    return f"{metadata['uid']}:{metadata['resourceVersion']}"
