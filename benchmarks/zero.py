"""What an installation costs while it waits: pod-seconds and store requests an hour.

The plain overlay, and the Knative overlay if the cluster has Knative Serving and Eventing:

    idle       without a live experiment
    waiting    with one experiment, whose only trial waits for a node that does not exist
    tick       one sweep of an idle installation, which comes once an hour

and, for trainings of 1 and of 30 seconds, a trial's pod-seconds with a collector and without one.

Each is measured for three minutes (one with --quick) after all that the installation and the submit
have started has ended, and scaled to an hour; an idle hour has one tick more. A pod counts
from its creation to its end, whatever it does. Knative's own pods and the waiting trial's do not
count. The requests are counted by a relay before the store.
"""

import json
import os
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi
from benchmarks.harness.figures import Figures
from benchmarks.harness.installed import Installed, installed, kubectl
from benchmarks.harness.store_relay import relayed
from benchmarks.harness.table import show
from tunelet import __version__
from tunelet.client import Client

LAUNCHER = "kubernetes://?prefix=tunelet-trials-"
COLLECTED = f"{LAUNCHER}&collector_image=dev.local/tunelet-collector:{__version__}"
STORE = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
KNATIVE = "/apis/serving.knative.dev/v1"
HOUR = 3600.0
TRIALS, TOGETHER = 8, 2
LOOK = 0.25
PATIENCE = 600.0
REQUEST = {
    "name": "waits",
    "model_training_code": {"image": "localhost/none:1", "node_selector": {"no": "where"}},
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 1,
}


class Cost(NamedTuple):
    pod_seconds: float
    requests: Counter[str]


class Meter:
    """Measures one installation."""

    def __init__(self, api: KubernetesApi, namespace: str, counts: Counter[str]) -> None:
        self._api, self._counts = api, counts
        self._pods = f"/api/v1/namespaces/{namespace}/pods"

    def measured(self, seconds: float) -> Cost:
        """Measure for these seconds, and scale to an hour."""
        before, pods, begun = Counter(self._counts), 0.0, time.monotonic()
        last = begun
        while (now := time.monotonic()) < begun + seconds:
            pods += self.running() * (now - last)
            last = now
            time.sleep(LOOK)
        scale = HOUR / seconds
        asked = {kind: count * scale for kind, count in (self._counts - before).items()}
        return Cost(pods * scale, Counter(asked))

    def until(self, done: Callable[[], bool]) -> float:
        """Return the pod-seconds until it is done."""
        pods, last = 0.0, time.monotonic()
        while not done():
            time.sleep(LOOK)
            now = time.monotonic()
            pods, last = pods + self.running() * (now - last), now
        return pods

    def running(self) -> int:
        ended = ("Succeeded", "Failed")
        return sum(1 for pod in self._api.list(self._pods) if pod["status"]["phase"] not in ended)

    def settle(self, pods: int) -> None:
        """Wait until no more than these pods run."""
        deadline = time.monotonic() + PATIENCE
        while self.running() > pods:
            if time.monotonic() > deadline:
                sys.exit(f"more than {pods} pods are still running")
            time.sleep(1)


def run(quick: bool) -> Figures:
    seconds = 60.0 if quick else 180.0
    api = KubernetesApi(access())
    figures: dict[str, Any] = {"seconds": seconds, "plain": _of("plain", api, seconds)}
    if api.get(KNATIVE) is not None:
        figures["knative"] = _of("knative", api, seconds)
    figures["trial"] = _trials(api, (1,) if quick else (1, 30))
    _show(figures)
    return figures


def _trials(api: KubernetesApi, lengths: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return a trial's pod-seconds, by the seconds of its training."""
    found: dict[str, dict[str, float]] = {}
    for name, launcher in (("alone", LAUNCHER), ("collector", COLLECTED)):
        with _measurable("plain", api, launcher) as (place, _):
            meter, client = Meter(api, place.trials, Counter()), Client(place.url, timeout=60)
            for seconds in lengths:
                found.setdefault(f"{seconds} s", {})[name] = _trial(meter, client, seconds)
    return found


def _trial(meter: Meter, client: Client, seconds: int) -> float:
    program = f"import time; time.sleep({seconds}); print('objective=1')"
    code = {"image": "localhost/python:3.11", "command": ["python3", "-c", program]}
    budget = {"max_trials": TRIALS, "parallel_trials": TOGETHER}
    submitted = {**REQUEST, **budget, "name": f"for-{seconds}", "model_training_code": code}
    name = client.submit(submitted).name
    used = meter.until(lambda: client.experiment(name).ended)
    print(f"{TRIALS} trials of {seconds} s used {used:.1f} pod-seconds", file=sys.stderr)
    return used / TRIALS


def _of(overlay: str, api: KubernetesApi, seconds: float) -> dict[str, Any]:
    with _measurable(overlay, api, COLLECTED) as (place, meter):
        pods = 2 if overlay == "plain" else 0
        _until_idle(place)
        meter.settle(pods)
        idle = meter.measured(seconds)
        tick = _ticked(place, meter, idle, seconds=30.0)
        whole = Cost(idle.pod_seconds + tick.pod_seconds, idle.requests + tick.requests)
        found = {"idle": whole, "tick": tick}
        _submit(place)
        time.sleep(30)
        meter.settle(pods)
        found["waiting"] = meter.measured(seconds)
    figures = {name: _figures(cost) for name, cost in found.items()}
    print(overlay, figures, file=sys.stderr)
    return figures


@contextmanager
def _measurable(
    overlay: str, api: KubernetesApi, launcher: str
) -> Iterator[tuple[Installed, Meter]]:
    url = os.environ.get("TUNELET_TEST_S3_URL")
    if not url or any(name not in os.environ for name in STORE):
        sys.exit(f"set TUNELET_TEST_S3_URL, {', '.join(STORE)} to a store that pods can reach")
    settings = {"TUNELET_STORE": f"{url}/zero-{uuid4().hex}", "TUNELET_LAUNCHER": launcher}
    with relayed(os.environ[STORE[0]]) as (endpoint, counts):
        credentials = {name: os.environ[name] for name in STORE}
        credentials |= {STORE[0]: endpoint, "AWS_ALLOW_HTTP": "true"}
        with installed(kubectl, settings, credentials, overlay) as place:
            yield place, Meter(api, place.namespace, counts)


def _until_idle(place: Installed) -> None:
    deadline = time.monotonic() + PATIENCE
    schedule = ("get", "cronjob", "tunelet-sweep", "-o", "jsonpath={.spec.schedule}")
    while kubectl("-n", place.namespace, *schedule) == "* * * * *":
        if time.monotonic() > deadline:
            sys.exit("no sweep has disarmed the schedule")
        time.sleep(2)


def _ticked(place: Installed, meter: Meter, idle: Cost, seconds: float) -> Cost:
    """Return what one sweep adds to as many idle seconds."""
    kubectl("-n", place.namespace, "create", "job", "tick", "--from=cronjob/tunelet-sweep")
    cost, scale = meter.measured(seconds), seconds / HOUR
    more = cost.requests - idle.requests
    asked = {kind: count * scale for kind, count in more.items()}
    return Cost((cost.pod_seconds - idle.pod_seconds) * scale, Counter(asked))


def _submit(place: Installed) -> None:
    headers = {"Content-Type": "application/json"} | ({"Host": place.host} if place.host else {})
    body = json.dumps(REQUEST).encode()
    request = urllib.request.Request(f"{place.url}/api/submit_job", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def _figures(cost: Cost) -> dict[str, float]:
    return {"pod_seconds": cost.pod_seconds, "requests": float(sum(cost.requests.values()))} | {
        kind: float(count) for kind, count in sorted(cost.requests.items())
    }


def _show(figures: dict[str, Any]) -> None:
    rows = [
        [overlay, state, f"{cost['pod_seconds']:,.0f}", f"{cost['requests']:,.0f}"]
        for overlay in ("plain", "knative")
        for state, cost in figures.get(overlay, {}).items()
    ]
    trials = [
        [seconds, f"{each['alone']:.1f}", f"{each['collector']:.1f}"]
        for seconds, each in figures["trial"].items()
    ]
    show("A trial's pod-seconds", ["training", "alone", "with a collector"], trials)
    show("An hour", ["overlay", "state", "pod-seconds", "store requests"], rows)
