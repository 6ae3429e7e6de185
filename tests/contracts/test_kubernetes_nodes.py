"""Trials of several pods that train together, without any operator."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.launchers.kubernetes.launcher import KubernetesLauncher
from tests.contracts.clusters import api, launcher_in, namespaces, needs_cluster, training
from tests.contracts.launchers import ended, until, values
from tunelet.core.run import Run
from tunelet.core.trial import Verdict

pytestmark = needs_cluster

NODES = 3
RUN = Run("nodes", "parallel", "u1", 0, 1)

# Linear regression by gradient descent: each process has its own third of the data, and the
# gradients are summed over sockets, as an all-reduce does.
PROGRAM = """
import json, os, socket, time
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
master = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
data = [(x / 30, 3 * x / 30 - 1) for x in range(30)][rank::world]

def connected():
    if rank == 0:
        server = socket.create_server(("", master[1]))
        return [server.accept()[0].makefile("rw") for _ in range(world - 1)]
    while True:
        try:
            return [socket.create_connection(master).makefile("rw")]
        except OSError:
            time.sleep(0.1)

def say(peer, thing):
    peer.write(json.dumps(thing) + chr(10))
    peer.flush()

def reduced(mine):
    if rank:
        say(peers[0], mine)
        return json.loads(peers[0].readline())
    each = [mine, *(json.loads(peer.readline()) for peer in peers)]
    total = [sum(values) for values in zip(*each)]
    for peer in peers:
        say(peer, total)
    return total

peers, w, b = connected(), 0.0, 0.0
for step in range(1, 401):
    errors = [(x, w * x + b - y) for x, y in data]
    dw, db, loss, count = reduced([
        sum(2 * e * x for x, e in errors), sum(2 * e for _, e in errors),
        sum(e * e for _, e in errors), len(errors),
    ])
    w, b = w - 0.3 * dw / count, b - 0.3 * db / count
    if rank == 0 and step % 100 == 0:
        print(f"step={step} objective={loss / count}", flush=True)
if rank:
    print("objective=99", flush=True)
"""


@pytest.fixture(scope="module")
def prefix() -> Iterator[str]:
    with namespaces("nodes") as prefix:
        yield prefix


@pytest.fixture
def launcher(prefix: str) -> KubernetesLauncher:
    return launcher_in(prefix)


def test_processes_on_several_nodes_train_one_model_and_the_first_reports(
    launcher: KubernetesLauncher, prefix: str
) -> None:
    launcher.launch(training(RUN, PROGRAM, {"nodes": NODES}))
    outcome = ended(launcher, RUN)
    assert outcome.verdict is Verdict.COMPLETE, outcome
    assert 0 < float(outcome.values["objective"]) < 1e-3
    assert list(values(launcher.observe(RUN))) == [100, 200, 300, 400]
    assert b"objective=99" not in b"".join(launcher.logs(RUN))


def test_one_process_that_fails_ends_all_of_them(launcher: KubernetesLauncher, prefix: str) -> None:
    run = RUN._replace(number=1)
    text = (
        "import os, sys, time\n"
        "print('I am', os.environ['NODE_RANK'], flush=True)\n"
        "time.sleep(1000) if os.environ['RANK'] != '1' else sys.exit(5)"
    )
    launcher.launch(training(run, text, {"nodes": NODES}))
    outcome = ended(launcher, run)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 5)
    assert outcome.log_tail == "I am 1"
    assert run not in launcher.active(run.namespace, run.experiment)


def test_a_stopped_run_leaves_no_job_pod_service_or_secret(
    launcher: KubernetesLauncher, prefix: str
) -> None:
    run = RUN._replace(number=2)
    launcher.launch(training(run, "import time; time.sleep(1000)", {"nodes": 2}))
    paths = ("/apis/batch/v1", "jobs"), ("/api/v1", "pods"), ("/api/v1", "services")

    def left(root: str, plural: str) -> list[Any]:
        path = f"{root}/namespaces/{prefix}nodes/{plural}"
        return list(api().list(path, labelSelector=f"tunelet.dev/trial={run.number}"))

    every = (*paths, ("/api/v1", "secrets"))
    until(lambda: all(left(*each) for each in every))
    launcher.stop(run)
    until(lambda: not any(left(*each) for each in every))
