"""The client libraries of the clouds' stores, against the servers that the environment names.

For each client, in alternation on the same servers:

    {client}_start    seconds from the start of a process to its first read, with imports
    {client}_create   creates of 1 KiB per second in one thread
    {client}_get      reads of 1 KiB per second in one thread
    {client}_many     creates and reads per second, half of each, from 16 threads

Clients are left out if the environment names no server (TUNELET_TEST_S3_URL and so on).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from uuid import uuid4

from adapters.storage import open_store
from benchmarks.harness.table import by_turns, medians, show
from tunelet.ports import Store

CLIENTS = {
    "boto3": ("TUNELET_TEST_S3_URL", "boto3"),
    "obstore_s3": ("TUNELET_TEST_S3_URL", "obstore"),
    "google": ("TUNELET_TEST_GCS_URL", "google"),
    "azure": ("TUNELET_TEST_AZURE_URL", "azure"),
    "obstore_az": ("TUNELET_TEST_AZURE_URL", "obstore"),
}
THREADS = 16
DATA = bytes(1024)
ROOT = Path(__file__).resolve().parents[1]
FIRST_READ = "import sys; from adapters.storage import open_store; open_store(sys.argv[1]).get('k')"


def urls() -> dict[str, str]:
    """Return a URL with a new prefix for each client with a server."""
    return {
        name: f"{os.environ[variable].rstrip('/')}/bench-{uuid4().hex}?client={client}"
        for name, (variable, client) in CLIENTS.items()
        if os.environ.get(variable)
    }


def run(quick: bool) -> dict[str, float]:
    rounds, objects = (2, 100) if quick else (5, 200)
    found = urls()
    if not found:
        sys.exit("no store is named: set TUNELET_TEST_S3_URL, …_GCS_URL or …_AZURE_URL")
    measures: dict[str, Callable[[], float]] = {}
    for name, url in found.items():
        store = open_store(url)
        measures[f"{name}_start"] = partial(_start, url)
        measures[f"{name}_create"] = partial(_rate, objects, partial(_create, store))
        measures[f"{name}_get"] = partial(_rate, objects, partial(_get, store))
        measures[f"{name}_many"] = partial(_many, objects, store)
        store.create("k", DATA)
        _start(url)  # writes the .pyc files
    figures = medians(by_turns(measures, rounds))
    show(
        f"Clients of the clouds' stores (median of {rounds})",
        ["", "start, s", "create/s", "get/s", f"{THREADS} threads, ops/s"],
        [[name, f"{figures[f'{name}_start']:.3f}", *_rates(figures, name)] for name in found],
    )
    return figures


def _rates(figures: dict[str, float], name: str) -> list[str]:
    return [f"{figures[f'{name}_{kind}']:.0f}" for kind in ("create", "get", "many")]


def _start(url: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_READ, url], cwd=ROOT, check=True)
    return time.perf_counter() - began


def _create(store: Store) -> None:
    store.create(uuid4().hex, DATA)


def _get(store: Store) -> None:
    store.get("k")


def _rate(count: int, act: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(count):
        act()
    return count / (time.perf_counter() - began)


def _many(count: int, store: Store) -> float:
    def both(_: int) -> None:
        for _ in range(count // THREADS):
            _create(store)
            _get(store)

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(both, range(THREADS)))
    return 2 * THREADS * (count // THREADS) / (time.perf_counter() - began)
