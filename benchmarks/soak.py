"""An hour of load and faults on `tunelet up` with 2,000 live experiments; nothing may be lost.

At the same time: submits, pauses and deletes; trainings that push reports as fast as they are
answered; kill -9 of the service every half minute; and clients that send one header per second.
Every acknowledged operation is recorded, and at the end all of them must exist. The latency is that
of a GET of one experiment each tenth of a second while the service is up. The idle processor time
is measured after the load has ended. The last row is the time from a start after kill -9 to the
first answer.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil

from benchmarks.harness import soak_training
from benchmarks.harness.figures import Figures
from benchmarks.harness.process import free_port
from benchmarks.harness.soak_training import REST
from benchmarks.harness.table import show
from tunelet.client import Client
from tunelet.errors import Conflict, NotFound, TuneletError

EXPERIMENTS = 2000
SECONDS = 3600
KILL_EVERY = 30.0
SLOW_CLIENTS = 50
SUBMITTERS = 3
REST_SECONDS = 60.0
GOES_ON = ("RUNNING", "STOPPED")
"""States that a paused experiment cannot be in. (It may end when its last trials end.)"""
TRAINER = "trainer"
REQUEST: dict[str, Any] = {
    "model_training_code": TRAINER,
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
}


def run(quick: bool, seconds: int | None = None) -> Figures:
    seconds = seconds or (60 if quick else SECONDS)
    folder = Path(tempfile.mkdtemp(prefix="tunelet-soak-"))
    try:
        return _shown(Soak(folder, EXPERIMENTS // 10 if quick else EXPERIMENTS), seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _shown(soak: "Soak", seconds: int) -> Figures:
    figures = soak.run(seconds)
    show(
        f"{seconds} s of abuse with {soak.experiments} live experiments",
        ["", "figure"],
        [[name.replace("_", " "), f"{value:g}"] for name, value in figures.items()],
    )
    return figures


class Soak:
    """One service, the load on it, and the record of acknowledged operations."""

    def __init__(self, folder: Path, experiments: int) -> None:
        self.experiments = experiments
        self._data, self._register = folder / "data", folder / "register"
        self._register.mkdir()
        self._port = free_port()
        self._over = threading.Event()
        self._up = threading.Event()
        self._done: Counter[str] = Counter()
        self._uids: dict[str, str] = {}
        """The acknowledged submits, by name."""
        self._paused: set[str] = set()
        self._deleted: set[str] = set()
        self._doubtful: set[str] = set()
        """The names in deletes that were sent and not answered."""
        self._latencies: list[float] = []
        self._away: list[float] = []
        self._memory = 0

    def run(self, seconds: int) -> Figures:
        self._filled()
        self._start()
        began = time.monotonic()
        work = [self._submits] * SUBMITTERS + [self._deletes, self._asks, self._lingers]
        try:
            with ThreadPoolExecutor(len(work)) as pool:
                running = [pool.submit(each) for each in work]
                while time.monotonic() - began < seconds:
                    self._over.wait(min(KILL_EVERY, seconds))
                    self._kill()
                self._over.set()
                for each in running:
                    each.result()
            lost = self._lost()
            rest = self._at_rest(min(REST_SECONDS, seconds / 4))
        finally:
            self._over.set()
            self._process.terminate()
            self._process.wait()
            self._end_trainings()
        cuts = quantiles(self._latencies, n=100)
        return {
            "kills": self._done["kills"],
            "submits_acknowledged": self._done["submits"],
            "pauses_acknowledged": self._done["pauses"],
            "deletes_acknowledged": self._done["deletes"],
            "reports_acknowledged": self._done["reports"],
            "answers_other_than_expected": self._done["odd"],
            "lost": lost,
            "get_p50_ms": round(cuts[49] * 1000, 1),
            "get_p95_ms": round(cuts[94] * 1000, 1),
            "get_p99_ms": round(cuts[98] * 1000, 1),
            "peak_memory_mib": round(self._memory / (1 << 20)),
            "processor_at_rest_percent": round(rest * 100, 1),
            "seconds_to_first_answer_p50": round(sorted(self._away)[len(self._away) // 2], 1),
        }

    def _filled(self) -> None:
        """Submit live experiments; half are paused, and most of the others wait for a slot."""
        from adapters.storage.files import FileStore
        from algorithms import load_catalog
        from benchmarks.harness.inline import InlineLauncher, Queue
        from tunelet.assembly import assembled

        queue = Queue()
        service = assembled(
            FileStore(self._data / "store"),
            InlineLauncher(lambda env: 0.0, queue.signals),
            load_catalog(),
            queue,
            secret=bytes(16),
            api_url="http://127.0.0.1",
        )
        for number in range(self.experiments):
            queue.signals.clear()
            begun = service.submit({**REQUEST, "name": f"old-{number}"})
            self._uids[begun.name] = begun.uid
            if number % 2:
                service.pause("default", begun.name)
                self._paused.add(begun.name)

    def _start(self) -> None:
        began = time.monotonic()
        trainer = f"{sys.executable} {Path(soak_training.__file__)} {self._register}"
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("tunelet"), "up", f"--port={self._port}",
             f"--data={self._data}", f"--alias={TRAINER}={trainer}", "--max-processes=4"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        client = self._client()
        while True:
            with suppress(TuneletError):
                client.experiment("old-0")
                break
            time.sleep(0.05)
        if self._done["kills"]:
            self._away.append(time.monotonic() - began)
        self._up.set()

    def _kill(self) -> None:
        with suppress(psutil.Error):
            self._memory = max(self._memory, psutil.Process(self._process.pid).memory_info().rss)
        self._up.clear()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._done["kills"] += 1
        self._start()

    def _client(self) -> Client:
        return Client(f"http://127.0.0.1:{self._port}", timeout=30, patience=0)

    def _asked(self, kind: str, call: Callable[[], object]) -> bool:
        """Call, and return whether the call was acknowledged."""
        try:
            call()
        except (Conflict, NotFound):
            return False  # it had ended, or was deleted
        except TuneletError:
            self._done["odd"] += self._up.is_set()
            time.sleep(0.2)
            return False
        self._done[kind] += 1
        return True

    def _submits(self) -> None:
        client, rng = self._client(), random.Random()
        while not self._over.is_set():
            name = f"new-{rng.randrange(1 << 40)}"
            if not self._asked("submits", partial(self._submitted, client, name)):
                continue
            with suppress(TuneletError):
                self._uids[name] = str(client.experiment(name).json["uid"])
            if rng.random() < 0.5 and self._asked("pauses", partial(client.pause, name)):
                self._paused.add(name)
            self._over.wait(0.3)

    def _submitted(self, client: Client, name: str) -> None:
        client.submit({**REQUEST, "name": name, "max_trials": 3}, name)
        self._uids[name] = ""

    def _deletes(self) -> None:
        client = self._client()
        while not self._over.wait(1.0):
            name = random.choice(list(self._uids))
            if name == "old-0" or name in self._doubtful:
                continue
            self._doubtful.add(name)
            if self._asked("deletes", partial(client.delete, name)):
                self._deleted.add(name)

    def _asks(self) -> None:
        client = self._client()
        while not self._over.wait(0.1):
            if self._up.is_set():
                began = time.perf_counter()
                with suppress(TuneletError):
                    client.experiment("old-0")
                    self._latencies.append(time.perf_counter() - began)

    def _lingers(self) -> None:
        """Open connections that send one header per second."""
        held: list[socket.socket] = []
        while not self._over.wait(1.0):
            for each in list(held):
                try:
                    each.sendall(b"X-A: b\r\n")
                except OSError:
                    held.remove(each)
            with suppress(OSError):
                while len(held) < SLOW_CLIENTS:
                    new = socket.create_connection(("127.0.0.1", self._port), timeout=1)
                    held.append(new)
                    new.sendall(b"GET /api/health HTTP/1.1\r\n")
        for each in held:
            each.close()

    def _lost(self) -> int:
        """Return how many acknowledged operations the service has lost."""
        client = Client(f"http://127.0.0.1:{self._port}", timeout=60)
        there = {each.name: each.json for each in client.experiments()}
        lost = sum(name in there for name in self._deleted)
        for name, uid in self._uids.items():
            if name in self._doubtful:
                continue
            known = there.get(name)
            lost += known is None or known["uid"] != (uid or known["uid"])
            lost += name in self._paused and (known is None or known["state"] in GOES_ON)
        for file in list(self._register.glob("*-*-*")):
            name, number, _ = file.name.rsplit("-", 2)
            if name not in self._doubtful:
                lost += self._missing(client, name, int(number), set(file.read_text().split()))
        return int(lost)

    def _missing(self, client: Client, name: str, number: int, taken: set[str]) -> int:
        self._done["reports"] += len(taken)
        reports = client.trial(name, number)["reports"]
        return len(taken - {str(r["step"]) for r in reports if "pushed" in r["values"]})

    def _at_rest(self, seconds: float) -> float:
        """Return the share of a processor that the service uses without requests.

        Silent trainings hold all slots, and half of the experiments wait for one.
        """
        (self._register / REST).touch()
        time.sleep(2 * seconds)
        process = psutil.Process(self._process.pid)
        self._memory = max(self._memory, process.memory_info().rss)
        before = sum(process.cpu_times()[:2])
        time.sleep(seconds)
        return float(sum(process.cpu_times()[:2]) - before) / seconds

    def _end_trainings(self) -> None:
        """End the trainings, which outlive the service."""
        for process in psutil.process_iter(["cmdline"]):
            if str(self._register) in " ".join(process.info["cmdline"] or ()):
                with suppress(psutil.Error):
                    os.kill(process.pid, signal.SIGTERM)
