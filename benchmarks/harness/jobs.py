"""Jobs of a namespace: when each is created and completes, and a bare loop that runs some.

A watch of this process gives both times to the millisecond (a Job's own times are whole seconds),
in the same way for every creator of Jobs.
"""

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from adapters.launchers.kubernetes.api import KubernetesApi, Object
from benchmarks.harness.installed import kubectl
from tunelet.errors import Retry


class Jobs:
    """Watches the Jobs of a namespace from now on."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self.namespace, self.path = namespace, f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._api = api
        self.ended: Callable[[], object] = lambda: None
        """Called when a Job has completed."""
        self.created: dict[str, float] = {}
        self.completed: dict[str, float] = {}
        self.failed: list[str] = []
        self._changed = threading.Condition()
        self._version = self._listed()["metadata"]["resourceVersion"]
        threading.Thread(target=self._follow, daemon=True).start()

    def wait(self, count: int, seconds: float) -> None:
        """Wait until `count` Jobs have completed. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.completed) >= count, seconds):
                raise TimeoutError(f"{len(self.completed)} of {count} Jobs have completed")

    def create(self, job: Object) -> None:
        self._api.create(self.path, job)

    def _follow(self) -> None:
        while True:
            try:
                self._read()
            except Retry:
                time.sleep(0.1)

    def _read(self) -> None:
        rest = b""
        answer = self._api.stream(
            self.path, watch="1", resourceVersion=self._version, timeoutSeconds="25"
        )
        with closing(answer):  # type: ignore[type-var]
            for chunk in answer:
                now = time.monotonic()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    change = json.loads(line)
                    if change["type"] == "ERROR":
                        # The cluster has forgotten this version, after minutes without a change.
                        self._begin_again(now)
                        return
                    self._note(change["object"], now)

    def _listed(self) -> Object:
        return self._api.get(self.path) or {}

    def _begin_again(self, now: float) -> None:
        listed = self._listed()
        for job in listed["items"]:
            self._note(job, now)
        self._version = listed["metadata"]["resourceVersion"]

    def _note(self, job: Object, now: float) -> None:
        name, self._version = job["metadata"]["name"], job["metadata"]["resourceVersion"]
        held = {c["type"] for c in job["status"].get("conditions", ()) if c["status"] == "True"}
        with self._changed:
            self.created.setdefault(name, now)
            new = "Complete" in held and name not in self.completed
            if new:
                self.completed[name] = now
            if "Failed" in held:
                self.failed.append(name)
            self._changed.notify_all()
        if new:
            self.ended()


def gaps(created: Iterable[float], completed: Iterable[float], parallel: int) -> list[float]:
    """Return the seconds from each completion to the creation of the next Job in its place."""
    places = zip(sorted(completed), sorted(created)[parallel:], strict=False)
    return [after - before for before, after in places]


def bare(seen: Jobs, jobs: Sequence[Object], parallel: int) -> None:
    """Create `parallel` Jobs, and another one as soon as the watch shows that one has completed."""
    waiting, turn = list(reversed(jobs)), threading.Lock()

    def create() -> None:
        with turn:
            job = waiting.pop() if waiting else None
        if job is not None:
            seen.create(job)

    seen.ended = create
    for _ in range(parallel):
        create()


def by_kubectl(seen: Jobs, jobs: Sequence[Object], parallel: int) -> None:
    """Run `parallel` loops. Each creates a Job and waits until it has completed."""

    def one(job: Object) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(job, file)
            file.flush()
            kubectl("-n", seen.namespace, "create", "-f", file.name)
        done = ("wait", "--for=condition=complete", "--timeout=600s")
        kubectl("-n", seen.namespace, *done, f"job/{job['metadata']['name']}")

    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(one, jobs))


def anonymous(job: Object, name: str, token: str) -> Object:
    """Return a copy of the Job without Tunelet's labels and Secret."""
    spec: dict[str, Any] = json.loads(json.dumps(job["spec"]))
    for each in ("selector", "manualSelector"):
        spec.pop(each, None)
    spec["template"]["metadata"].pop("labels", None)
    pod = spec["template"]["spec"]
    for container in pod["containers"]:
        container["env"] = [each for each in container.get("env", ()) if each["name"] != token]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def clear(api: KubernetesApi, namespace: str) -> None:
    """Delete all Jobs of the namespace, and wait until they and their pods are gone."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    api.delete(path, "Background")
    while any(api.list(path)) or any(api.list(f"/api/v1/namespaces/{namespace}/pods")):
        time.sleep(0.5)
