"""Reports per second of one experiment over HTTP. Each is answered when it is durable.

    64 clients -> the api function -> a relay that takes 60 ms -> the S3 server's bucket

Each of these is a process. The function runs as on Knative, by functions-framework, with a thread
for each client. A client is the reporting thread of one running trial, with that trial's token
(benchmarks.harness.trainers). Each row is another experiment:

    steady      25 reports per second of each client, 1,600 per second together
    twice that  50 of each
    one by one  3 of each, and never more than one in a request

The time of a report begins at its measurement, before it waits for its client's request in
progress. At the end every entry is read directly from the bucket. `lost` is the number of
acknowledged reports that the log lacks, `twice` of those that it has twice.
"""

import http.client
import os
import secrets
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

from adapters.storage import open_store
from benchmarks.harness.delay import SECONDS, relay
from benchmarks.harness.figures import Figures, percentile
from benchmarks.harness.process import MAIN, free_port, function, processor_seconds
from benchmarks.harness.running import NAME, NAMESPACE, UID, prepare, standing
from benchmarks.harness.table import show
from benchmarks.harness.trainers import Load, Sent, report
from tunelet.core.run import Run
from tunelet.engine.tokens import Tokens
from tunelet.ports import Store

CLIENTS = 64
PACE, SLOW_PACE = 25.0, 3.0
NEEDS = "TUNELET_TEST_S3_URL and AWS_ENDPOINT_URL_S3 must name an S3 server's bucket"
COLUMNS = (
    *("", "reports/s", "p50 s", "p99 s", "longest s", "requests/s", "sent again", "entries/s"),
    *("lost", "twice", "server cpu", "all cpu"),
)
PATIENCE = 30.0


class Row(NamedTuple):
    """The figures of one experiment; times in seconds, rates per second."""

    per_s: float
    p50_s: float
    p99_s: float
    longest_s: float
    requests: float
    refused: int
    entries: float
    lost: int
    twice: int
    cpu: float
    """The processors that the server used, on average."""
    all_cpu: float
    """The processors that all programs of this machine used, to see whether any was idle."""


def run(quick: bool) -> Figures:
    bucket, server = os.environ.get("TUNELET_TEST_S3_URL"), os.environ.get("AWS_ENDPOINT_URL_S3")
    if not bucket or not server:
        sys.exit(NEEDS)
    warm, seconds = (2.0, 4.0) if quick else (5.0, 20.0)
    loads = {
        "steady": Load(0, "", PACE, False, warm, seconds),
        "twice that": Load(0, "", 2 * PACE, False, warm, seconds),
        "one by one": Load(0, "", SLOW_PACE, True, warm, seconds),
    }
    with relay(urlsplit(server).netloc) as address:
        rows = {name: measure(bucket, address, load, CLIENTS) for name, load in loads.items()}
    show(
        f"{CLIENTS} clients, {seconds:.0f} s each, S3 {SECONDS * 1000:.0f} ms away",
        COLUMNS,
        [[name, *_shown(row)] for name, row in rows.items()],
    )
    steady = rows["steady"]
    return {
        "per_s": steady.per_s,
        "p99_s": steady.p99_s,
        "lost": sum(row.lost for row in rows.values()),
        "twice": sum(row.twice for row in rows.values()),
    }


def _shown(row: Row) -> list[str]:
    return [str(each) if isinstance(each, int) else f"{each:.2f}" for each in row]


def measure(bucket: str, address: str, load: Load, number: int) -> Row:
    """Measure one experiment. The server reaches the bucket through the relay at `address`."""
    url = f"{bucket.rstrip('/')}/bench-{secrets.token_hex(8)}"
    store = open_store(url)
    try:
        prepare(store, number)
        sent, cpus = _sent(url, address, load, number)
        return _row(store, sent, load, cpus)
    finally:
        for key in list(store.list("")):
            store.delete(key)


def _sent(
    url: str, address: str, load: Load, number: int
) -> tuple[list[Sent], tuple[float, float]]:
    secret, port = secrets.token_hex(16), free_port()
    tokens = Tokens(secret.encode())
    issued = [tokens.issue(Run(NAMESPACE, NAME, UID, trial, 1)) for trial in range(number)]
    path = f"/api/experiments/{NAME}/trials/{{}}/reports"
    environment = {
        "TUNELET_STORE": url,
        "TUNELET_SECRET": secret,
        "TUNELET_LAUNCHER": "process:///nonexistent",
        "AWS_ENDPOINT_URL_S3": f"http://{address}",
        "THREADS": str(number),
    }
    with ExitStack() as stack:
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        stack.enter_context(pool)
        process = stack.enter_context(function("api", MAIN, port, environment))
        _wait_for(port)
        before, _ = processor_seconds(process.pid), psutil.cpu_percent()
        load = load._replace(port=port, path=path)
        sent = pool.submit(report, load, issued).result()
        cpu = (processor_seconds(process.pid) - before) / (load.warm + load.seconds)
        busy = psutil.cpu_percent() / 100 * (psutil.cpu_count() or 1)
    return sent, (cpu, busy)


def _wait_for(port: int) -> None:
    """Wait until the function is ready and has read the experiment's log."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", f"/api/experiments/{NAME}")
            if connection.getresponse().status == 200:
                return
        except (ConnectionError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    sys.exit("the api function does not answer")


def _row(store: Store, sent: Sequence[Sent], load: Load, cpus: tuple[float, float]) -> Row:
    log = standing(store, NAMESPACE, NAME)
    acknowledged = {(each.trial, step) for each in sent for step in range(each.acknowledged)}
    seconds = [second for each in sent for second in each.seconds]
    whole = load.warm + load.seconds
    return Row(
        per_s=len(seconds) / load.seconds,
        p50_s=percentile(seconds, 0.5),
        p99_s=percentile(seconds, 0.99),
        longest_s=max(seconds, default=0.0),
        requests=sum(each.requests for each in sent) / whole,
        refused=sum(each.refused for each in sent),
        entries=log.entries / whole,
        lost=len(acknowledged - log.reports.keys()),
        twice=len(log.twice),
        cpu=cpus[0],
        all_cpu=cpus[1],
    )
