"""The cost of a trial on a cluster, compared with a bare loop that creates the same Jobs.

100 Jobs of one second, 8 at a time, in four alternating rounds (one round of 20 with --quick):

    tunelet    an experiment on the plain overlay, from its submission to its end
    collector  the same with a collector in each pod
    bare       a loop that creates the next Job as soon as its watch shows that one has completed
    kubectl    8 shell-like loops: kubectl create, kubectl wait

A gap is the time from a Job's completion to the creation of its successor, as a watch sees them.
The overlay's own pods exist all the time, and are idle while others are measured.

Then, for the same image: the seconds from the start of each function's process in its pod (`start`)
and from the pod's creation (`pod`) to the first "ready"; the size of the images; the anonymous
memory of a pod of the overlay. The cluster's node must be this machine.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

from adapters.launchers.kubernetes.access import access
from adapters.launchers.kubernetes.api import KubernetesApi, Object
from adapters.launchers.kubernetes.pods import TOKEN
from benchmarks.harness import containers
from benchmarks.harness.cold_starts import start
from benchmarks.harness.figures import Figures, percentile
from benchmarks.harness.installed import IMAGE, Installed, installed, kubectl
from benchmarks.harness.jobs import Jobs, anonymous, bare, by_kubectl, clear, gaps
from benchmarks.harness.table import show
from functions.hosting.background import in_background
from functions.wiring import FUNCTIONS
from tunelet import __version__
from tunelet.client import Client

AIM = 1.3
TOGETHER = 8
PATIENCE = 1800.0
MIB = 1 << 20
LAUNCHER = "kubernetes://?prefix=tunelet-trials-"
COLLECTOR = f"dev.local/tunelet-collector:{__version__}"
STORE = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


class Measured(NamedTuple):
    seconds: float
    gaps: list[float]


def run(quick: bool) -> Figures:
    trials, rounds = (20, 1) if quick else (25, 4)
    api = KubernetesApi(access())
    with _overlay(LAUNCHER) as plain, _overlay(f"{LAUNCHER}&collector_image={COLLECTOR}") as other:
        memory = [max(_memory(api, plain))]
        with _sampled(api, plain, memory):
            loops = _loops(api, plain, other, trials, rounds)
        names = (*FUNCTIONS, "plain")
        starts = {name: [start(api, plain, name) for _ in range(rounds)] for name in names}
    figures: dict[str, Any] = {
        **loops,
        "ratio": loops["tunelet"]["seconds"] / loops["bare"]["seconds"],
        "start": {name: median(s.process for s in each) for name, each in starts.items()},
        "pod": {name: median(s.pod for s in each) for name, each in starts.items()},
        "image_mib": _images(api),
        "memory_mib": {"idle": memory[0] / MIB, "load": max(memory) / MIB},
    }
    _show(trials, rounds, figures)
    return figures


def _overlay(launcher: str) -> AbstractContextManager[Installed]:
    url = os.environ.get("TUNELET_TEST_S3_URL")
    if not url or any(name not in os.environ for name in STORE):
        sys.exit(f"set TUNELET_TEST_S3_URL, {', '.join(STORE)} to a store that pods can reach")
    settings = {"TUNELET_STORE": f"{url}/bench-{uuid4().hex}", "TUNELET_LAUNCHER": launcher}
    credentials = {name: os.environ[name] for name in STORE} | {"AWS_ALLOW_HTTP": "true"}
    return installed(kubectl, settings, credentials)


def _loops(
    api: KubernetesApi, plain: Installed, other: Installed, trials: int, rounds: int
) -> dict[str, dict[str, float]]:
    """The figures of each of the four. The first one defines the Jobs of the others."""
    jobs: list[Object] = []
    measures: dict[str, Callable[[], Measured]] = {
        "tunelet": partial(_experiment, api, plain, trials, jobs),
        "collector": partial(_experiment, api, other, trials, []),
        "bare": partial(_loop, bare, api, plain, jobs),
        "kubectl": partial(_loop, by_kubectl, api, plain, jobs),
    }
    found: dict[str, list[Measured]] = {name: [] for name in measures}
    for round_ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
            took = found[name][-1].seconds
            print(f"round {round_ + 1} of {rounds}: {name} took {took:.1f} s", file=sys.stderr)
    return {name: _figures(measured) for name, measured in found.items()}


def _figures(measured: Sequence[Measured]) -> dict[str, float]:
    gaps = [gap for each in measured for gap in each.gaps]
    return {
        "seconds": sum(each.seconds for each in measured),
        "gap_p50": percentile(gaps, 0.5),
        "gap_p99": percentile(gaps, 0.99),
    }


def _experiment(api: KubernetesApi, plain: Installed, trials: int, jobs: list[Object]) -> Measured:
    """Measure an experiment, and put its Jobs into `jobs`."""
    service, seen = Client(plain.url, timeout=60), Jobs(api, plain.trials)
    began = time.monotonic()
    name = service.submit(_request(trials)).name
    seen.wait(trials, PATIENCE)
    while not (experiment := service.experiment(name)).ended:
        time.sleep(0.05)
    seconds = time.monotonic() - began
    complete = sum(1 for _ in service.trials(name, state="COMPLETE"))
    if experiment.state != "COMPLETE" or complete != trials or seen.failed:
        sys.exit(f"{complete} of {trials} trials completed; failed: {seen.failed}")
    jobs[:] = [anonymous(job, f"bare-{n}", TOKEN) for n, job in enumerate(api.list(seen.path))]
    clear(api, plain.trials)
    return _measured(seconds, seen)


def _loop(
    loop: Callable[[Jobs, Sequence[Object], int], None],
    api: KubernetesApi,
    plain: Installed,
    jobs: Sequence[Object],
) -> Measured:
    seen = Jobs(api, plain.trials)
    began = time.monotonic()
    loop(seen, jobs, TOGETHER)
    seen.wait(len(jobs), PATIENCE)
    seconds = time.monotonic() - began
    clear(api, plain.trials)
    return _measured(seconds, seen)


def _measured(seconds: float, seen: Jobs) -> Measured:
    found = gaps(seen.created.values(), seen.completed.values(), TOGETHER)
    return Measured(seconds, found)


def _request(trials: int) -> dict[str, object]:
    return {
        "model_training_code": {
            "image": "localhost/python:3.11",
            "command": ["sh", "-c", "sleep 1; echo objective=1"],
            "termination_grace_period_seconds": 1,
        },
        "hyperparameters": {
            "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
            "batch_size": {"type": "int", "min": 32, "max": 128},
        },
        "hpo_algorithm": "random_search",
        "max_trials": trials,
        "parallel_trials": TOGETHER,
    }


def _memory(api: KubernetesApi, plain: Installed) -> list[int]:
    """The memory of each pod of the overlay, in bytes."""
    where = f"/api/v1/namespaces/{plain.namespace}/pods"
    pods = api.list(where, labelSelector="app.kubernetes.io/name=tunelet")
    states = [state for pod in pods for state in pod["status"].get("containerStatuses", ())]
    return [containers.memory(state["containerID"]) for state in states]


@contextmanager
def _sampled(api: KubernetesApi, plain: Installed, into: list[int]) -> Iterator[None]:
    """Sample the memory of the pods once a second while the block runs."""

    def look(ended: threading.Event) -> None:
        while not ended.wait(1.0):
            into.extend(_memory(api, plain))

    with in_background("memory", look):
        yield


def _images(api: KubernetesApi) -> dict[str, float]:
    """The MiB of the images' layers, by name, as the nodes report them."""
    sizes: dict[str, float] = {}
    for node in api.list("/api/v1/nodes"):
        for image in node["status"].get("images", ()):
            for name, known in (("tunelet", IMAGE), ("collector", COLLECTOR)):
                if known in (image.get("names") or ()):
                    sizes[name] = image["sizeBytes"] / MIB
    return sizes


def _show(trials: int, rounds: int, figures: Mapping[str, Any]) -> None:
    bare_seconds = figures["bare"]["seconds"]
    show(
        f"{rounds} times {trials} Jobs, {TOGETHER} at a time",
        ["", "seconds", "of bare", "aim", "gap p50, s", "gap p99, s"],
        [
            [
                name,
                f"{figures[name]['seconds']:.1f}",
                f"{figures[name]['seconds'] / bare_seconds:.2f}",
                f"<= {AIM}" if name == "tunelet" else "",
                f"{figures[name]['gap_p50']:.2f}",
                f"{figures[name]['gap_p99']:.2f}",
            ]
            for name in ("tunelet", "collector", "bare", "kubectl")
        ],
    )
    show(
        'Seconds to the first "ready"',
        ["", "from its process", "from its pod"],
        [
            [name, f"{figures['start'][name]:.2f}", f"{figures['pod'][name]:.2f}"]
            for name in figures["start"]
        ],
    )
    sizes = {f"image {name}": size for name, size in figures["image_mib"].items()}
    sizes |= {f"memory, {when}": size for when, size in figures["memory_mib"].items()}
    show("Sizes", ["", "MiB"], [[name, f"{size:.1f}"] for name, size in sizes.items()])
