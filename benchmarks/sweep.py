"""A sweep over live experiments that have nothing to do: its requests to the store and its seconds.

Each sweep has a process's empty memory, as on Knative, and comes a minute after the last. `idle`:
half of the experiments are paused; the others have a trial that waits for room, which the launcher
never has. `running`: each has two runs of which nothing is heard. `reporting`: one of the two
reports each minute, through another process. All have been live for an hour. The store is this
process's memory, each request to it takes 4 ms, and each call of the launcher that a cluster
answers takes 4 ms and counts as `cluster`. The figures are means of ten sweeps in a row. `first` is
a sweep when nothing is known, such as the first one after an update.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product

from adapters.launchers.memory import MemoryLauncher
from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from benchmarks.harness.counting import KINDS, Counting
from benchmarks.harness.delay import DelayedStore
from benchmarks.harness.figures import Figures
from benchmarks.harness.inline import Queue, request
from benchmarks.harness.table import show
from functions.wiring import SWEEPS_ABREAST
from tunelet.assembly import assembled
from tunelet.core import commands
from tunelet.core.installation import Installation
from tunelet.core.run import Launch, Life, Observation, Run, by_life
from tunelet.core.trial import Report
from tunelet.errors import Throttled
from tunelet.log.journal import Journal
from tunelet.ports import Versions
from tunelet.service import Service

KINDS_OF_LIVE = ("idle", "running", "reporting")
SIZES = (10, 100, 2_000)
SECONDS = 0.004
SWEEP_SECONDS = 60.0
EARLIER = 60
"""The sweeps before the measured ones."""
MEASURED = 10


class Cluster(MemoryLauncher):
    """Counts calls as a cluster answers them. Shows that nothing has happened to any run."""

    def __init__(self, room: bool) -> None:
        super().__init__()
        self.calls, self.delay, self._room = Counter[str](), 0.0, room

    def launch(self, launch: Launch) -> None:
        self._call()
        if not self._room:
            raise Throttled("no room")
        super().launch(launch)

    def observe(self, run: Run) -> Observation:
        self._call()
        return super().observe(run)

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        self._call()
        return super().active(namespace, experiment)

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        self._call()
        return super().unsaved(namespace, experiment)

    def lives(self) -> Mapping[Life, Versions]:
        self._call()
        return by_life(dict.fromkeys(self.running(), "unchanged"))

    def _call(self) -> None:
        self.calls["cluster"] += 1
        time.sleep(self.delay)


class Schedule:
    """Sweeps a store, each time with a new service."""

    def __init__(self, live: int, kind: str) -> None:
        self.objects, self.launcher, self.now = MemoryStore(), Cluster(kind != "idle"), 1e9
        names = [f"e{number}" for number in range(live)]
        reporting = names if kind == "reporting" else []
        self._reporting = [Journal(self.objects, "default", name) for name in reporting]
        self._step = 0
        service = self._service(0.0)[0]
        for number, name in enumerate(names):
            service.submit({**request("random_search", 2, parallel=2), "name": name})
            if kind != "idle":
                service.suggest("default", name)
                service.launch("default", name)
            elif number % 2:
                service.pause("default", name)

    def pass_time(self, sweeps: int) -> None:
        for _ in range(sweeps):
            self._swept(0.0)

    def measured(self, sweeps: int) -> dict[str, float]:
        found = [self._swept(SECONDS) for _ in range(sweeps)]
        return {key: sum(each[key] for each in found) / sweeps for key in found[0]}

    def _swept(self, delay: float) -> dict[str, float]:
        self.now += SWEEP_SECONDS
        self._report()
        service, store = self._service(delay)
        self.launcher.delay = delay
        self.launcher.calls.clear()
        began = time.perf_counter()
        service.sweep()
        seconds = time.perf_counter() - began
        cluster = self.launcher.calls["cluster"]
        return {"seconds": seconds, **{k: store.calls[k] for k in KINDS}, "cluster": cluster}

    def _report(self) -> None:
        self._step += 1
        report = commands.Record(0, 1, (Report(self._step, {"objective": 1.0}),))
        for log in self._reporting:
            log.commit(report)

    def _service(self, delay: float) -> tuple[Service, Counting]:
        store = Counting(DelayedStore(self.objects, delay) if delay else self.objects)
        service = assembled(
            *(store, self.launcher, load_catalog(), Queue()),
            secret=bytes(16),
            api_url="http://127.0.0.1",
            installation=Installation("here"),
            clock=lambda: self.now,
            sweeps_abreast=SWEEPS_ABREAST,
        )
        return service, store


def run(quick: bool) -> Figures:
    earlier, measured = (EARLIER, 2) if quick else (EARLIER, MEASURED)
    found: dict[str, dict[str, float]] = {}
    for kind, live in product(KINDS_OF_LIVE, SIZES[:2] if quick else SIZES):
        schedule = Schedule(live, kind)
        found[f"{kind}_{live}_first"] = schedule.measured(1)
        schedule.pass_time(earlier)
        found[f"{kind}_{live}"] = schedule.measured(measured)
    columns = ["seconds", *(kind.upper() for kind in KINDS), "cluster"]
    show(
        "A sweep of live experiments that have nothing to do",
        ["live", *columns],
        [[live, *map(_shown, figures.values())] for live, figures in found.items()],
    )
    return found


def _shown(figure: float) -> str:
    return f"{figure:,.2f}"
