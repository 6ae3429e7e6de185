"""What one tenant of a cluster notices while another floods the service.

The plain overlay with two tenants, as `tunelet tenant create` makes them, and with the quota of
live trials that it advises. The tenant `flood`

    trials   submits 10,000 trials in 100 experiments, 8 trials of each at a time
    reports  pushes reports from 64 connections, as fast as they are answered
    lists    lists and reads its experiments and trials from 64 connections, likewise

Before each flood and during it the tenant `quiet` does the same in rounds, with a new connection
for each call:

    submit   an experiment of one trial, until the answer
    launch   from that answer to the creation of the trial's Job
    first    from the submit to the completion of the trial's Job, which trains for no time
    report   one report of a running trial, until the answer
    list     the first page of its experiments, until the answer

`ratio` is that of the medians during the flood and before it, and `p95` that of the 95th
percentiles. The target is 2. The nodes' processors are shared by all: what they cost shows in
`first`, as the tenants' quotas of pods bound it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from multiprocessing import get_context
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi
from benchmarks.cluster import STORE
from benchmarks.harness.figures import Figures, percentile
from benchmarks.harness.installed import INFRA, Installed, installed, kubectl
from benchmarks.harness.jobs import Jobs
from benchmarks.harness.table import show
from tunelet.cli import main as tunelet

TARGET = 2.0
EXPERIMENTS, TRIALS, TOGETHER = 100, 100, 8
CONNECTIONS = 64
PODS = 20
"""The quota of pods of the tenant that floods: small enough that a node has room for others."""
FLOOD, QUIET = "flood", "quiet"
MEASURES = ("submit", "launch", "first", "report", "list")
CALLS = 5
"""The reports and lists of one round."""
PATIENCE = 300.0
HEADERS = {"Content-Type": "application/json"}

Call = tuple[str, str, str | None, dict[str, str]]
"""Method, path, body and headers of a request."""
Times = dict[str, list[float]]


class Tenants(NamedTuple):
    api: KubernetesApi
    place: Installed

    def space(self, name: str) -> str:
        """The cluster's namespace of the tenant's trials."""
        return self.place.trials.removesuffix("default") + name

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Call the API over a new connection, and return its JSON."""
        connection = HTTPConnection(urlsplit(self.place.url).netloc, timeout=PATIENCE)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, HEADERS | headers)
            answer = connection.getresponse()
            read = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            sys.exit(f"{method} {path} got {answer.status}: {read.decode(errors='replace')}")
        return json.loads(read)


def run(quick: bool = False) -> Figures:
    rounds = 3 if quick else 20
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with _installed() as tenants:
        quiet = _Quiet(tenants)
        quiet.round()  # the first one starts what later ones find started
        for name, flood in {"reports": _reports, "lists": _lists, "trials": _trials}.items():
            figures[name] = _compared(*_measured(quiet, flood(tenants), rounds))
            _show(name, rounds, figures[name])
    return figures


def _measured(quiet: "_Quiet", flood: Callable[[], Any], rounds: int) -> tuple[Times, Times]:
    before = quiet.rounds(rounds)
    with flood():
        during = quiet.rounds(rounds)
    return before, during


class _Quiet:
    """What the quiet tenant does."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._jobs = Jobs(tenants.api, tenants.space(QUIET))
        self._at = f"/api/namespaces/{QUIET}"
        self._trial = _asked(tenants, QUIET, "reporting", 1)[0]
        self._step = 0

    def rounds(self, count: int) -> Times:
        found: Times = {name: [] for name in MEASURES}
        for number in range(count):
            for name, seconds in self.round().items():
                found[name] += seconds
            print(f"round {number + 1} of {count}", file=sys.stderr)
        return found

    def round(self) -> Times:
        reports = [self._timed(self._report) for _ in range(CALLS)]
        lists = [self._timed(lambda: self._call("GET", "/experiments")) for _ in range(CALLS)]
        return {**self._first(), "report": reports, "list": lists}

    def _first(self) -> Times:
        known, begun = set(self._jobs.created), time.monotonic()
        self._call("POST", "/submit_job", _request(1, 1, "0"))
        answered = time.monotonic()
        job = _until(lambda: next(iter(self._jobs.created.keys() - known), None))
        ended = _until(lambda: self._jobs.completed.get(job))
        created = self._jobs.created[job]
        return {
            "submit": [answered - begun],
            "launch": [max(0.0, created - answered)],
            "first": [ended - begun],
        }

    def _report(self) -> None:
        self._step += 1
        body = {"step": self._step, "values": {"objective": 1.0}}
        path = f"/experiments/reporting/trials/{self._trial['number']}/reports"
        self._call("POST", path, body, Authorization=f"Bearer {self._trial['token']}")

    def _call(self, method: str, path: str, body: object = None, **headers: str) -> None:
        self._tenants.call(method, self._at + path, body, **headers)

    @staticmethod
    def _timed(do: Callable[[], None]) -> float:
        begun = time.monotonic()
        do()
        return time.monotonic() - begun


def _trials(tenants: Tenants) -> Callable[[], Any]:
    at = f"/api/namespaces/{FLOOD}"
    tenants.call("POST", f"{at}/experiments/flooding/stop")  # its trials have all places
    submit: Call = ("POST", f"{at}/submit_job", json.dumps(_request(TRIALS, TOGETHER, "30")), {})

    @contextmanager
    def flood() -> Iterator[None]:
        jobs = Jobs(tenants.api, tenants.space(FLOOD))
        with _poured(tenants, [submit], connections=8, each=EXPERIMENTS // 8 + 1):
            _until(lambda: len(jobs.created) > PODS)
            yield
            print(f"{len(jobs.created)} Jobs of the flood were created", file=sys.stderr)

    return flood


def _reports(tenants: Tenants) -> Callable[[], Any]:
    trials = _asked(tenants, FLOOD, "flooding", PODS)
    at = f"/api/namespaces/{FLOOD}/experiments/flooding/trials"
    body = json.dumps({"reports": [{"step": n, "values": {"objective": n}} for n in range(20)]})
    calls: list[Call] = [
        ("POST", f"{at}/{each['number']}/reports", body, _bearer(each["token"])) for each in trials
    ]
    return lambda: _poured(tenants, calls, CONNECTIONS)


def _lists(tenants: Tenants) -> Callable[[], Any]:
    """Of the experiment that has been flooded with reports, and of the list that it is in."""
    at = f"/api/namespaces/{FLOOD}"
    one = f"{at}/experiments/flooding"
    paths = (f"{at}/experiments", f"{at}/overview", f"{one}/trials?limit=1000", f"{one}/columns")
    return lambda: _poured(tenants, [("GET", path, None, {}) for path in paths], CONNECTIONS)


@contextmanager
def _poured(
    tenants: Tenants, calls: Sequence[Call], connections: int, each: int | None = None
) -> Iterator[None]:
    """Send the calls over and over while the block runs, `each` times per connection at most."""
    spawn = get_context("spawn")
    address, count = urlsplit(tenants.place.url).netloc, spawn.Value("q", 0)
    process = spawn.Process(target=_pour, args=(address, calls, connections, each, count))
    process.start()
    try:
        _until(lambda: count.value >= connections)
        begun, had = time.monotonic(), count.value
        yield
        rate = (count.value - had) / (time.monotonic() - begun)
        print(f"the flood got {rate:.1f} answers per second", file=sys.stderr)
    finally:
        process.kill()
        process.join()


def _pour(address: str, calls: Sequence[Call], connections: int, each: int | None, count: Any):  # type: ignore[no-untyped-def]
    """Flood from this process until it is killed."""

    def client(first: int) -> None:
        connection, sent = HTTPConnection(address, timeout=60), 0
        while each is None or sent < each:
            method, path, body, headers = calls[(first + sent) % len(calls)]
            try:
                connection.request(method, path, body, HEADERS | headers)
                connection.getresponse().read()
            except (OSError, HTTPException):
                connection.close()
            sent += 1
            with count.get_lock():
                count.value += 1

    for number in range(connections):
        Thread(target=client, args=(number,)).start()


def _asked(tenants: Tenants, namespace: str, name: str, count: int) -> list[Mapping[str, Any]]:
    """Trials of a new experiment, as workers have them."""
    at = f"/api/namespaces/{namespace}"
    workers = {"model_training_code": {"workers": True}, "parallel_trials": count}
    tenants.call("POST", f"{at}/submit_job", _request(count, count, "0") | workers | {"name": name})
    found: list[Mapping[str, Any]] = []

    def ask() -> bool:
        asked = {"lease_seconds": 3600, "count": count - len(found)}
        found.extend(tenants.call("POST", f"{at}/experiments/{name}/trials/ask", asked)["trials"])
        return len(found) == count

    _until(ask)
    return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _request(trials: int, together: int, seconds: str) -> dict[str, Any]:
    return {
        "model_training_code": {
            "image": "localhost/python:3.11",
            "command": ["sh", "-c", f"sleep {seconds}; echo objective=1"],
            "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}},
            "termination_grace_period_seconds": 1,
        },
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": trials,
        "parallel_trials": together,
    }


def _until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > deadline:
            sys.exit(f"nothing happened for {PATIENCE:.0f} s")
        time.sleep(0.01)
    return found


@contextmanager
def _installed() -> Iterator[Tenants]:
    url = os.environ.get("TUNELET_TEST_S3_URL")
    if not url or any(name not in os.environ for name in STORE):
        sys.exit(f"set TUNELET_TEST_S3_URL, {', '.join(STORE)} to a store that pods can reach")
    settings = {
        "TUNELET_STORE": f"{url}/flood-{os.getpid()}-{time.time_ns()}",
        "TUNELET_QUOTAS": json.dumps({"namespaces": {FLOOD: {"live_trials": PODS}}}),
    }
    credentials = {name: os.environ[name] for name in STORE} | {"AWS_ALLOW_HTTP": "true"}
    with installed(kubectl, settings, credentials) as place:
        tenants = Tenants(KubernetesApi(access()), place)
        kubectl(
            "apply", "-f", str(INFRA / "cluster" / "rights.yaml")
        )  # by the names that tenants bind
        try:
            for name, given in ((FLOOD, ("--pods", str(PODS))), (QUIET, ())):
                _create(tenants, name, given)
            yield tenants
        finally:
            names = [tenants.space(name) for name in (FLOOD, QUIET)]
            kubectl("delete", "namespace", *names, "--ignore-not-found", "--wait=false")


def _create(tenants: Tenants, name: str, given: Sequence[str]) -> None:
    prefix = tenants.space("")
    where = ("--prefix", prefix, "--service-namespace", tenants.place.namespace)
    os.environ["PATH"] = f"{os.path.dirname(os.environ['KUBECONFIG'])}:{os.environ['PATH']}"
    if tunelet(["tenant", "create", name, *where, "--overlay", "plain", *given, "--apply"]):
        sys.exit(f"the tenant {name} was not created")


def _compared(before: Times, during: Times) -> dict[str, dict[str, float]]:
    found = {}
    for name in MEASURES:
        calm, loaded = (_percentiles(each[name]) for each in (before, during))
        found[name] = {
            "before_p50": calm[0],
            "before_p95": calm[1],
            "during_p50": loaded[0],
            "during_p95": loaded[1],
            "ratio": loaded[0] / calm[0] if calm[0] else 0.0,
            "p95": loaded[1] / calm[1] if calm[1] else 0.0,
        }
    return found


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    return percentile(seconds, 0.5), percentile(seconds, 0.95)


def _show(name: str, rounds: int, figures: Mapping[str, Mapping[str, float]]) -> None:
    columns = ("before_p50", "before_p95", "during_p50", "during_p95", "ratio", "p95")
    show(
        f"a flood of {name}, {rounds} rounds; seconds; target: ratio <= {TARGET:g}",
        ("", *columns),
        [[one, *(f"{figures[one][each]:.3f}" for each in columns)] for one in MEASURES],
    )
