"""A world in which any call may go wrong, and the service that has to live in it.

Every call to the store, the launcher and the publisher has a number. A plan says which
of them fail and how; after a crash the invocation is delivered again to a new service
that remembers nothing. Time passes only when the queue of signals is empty.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar, cast

import algorithms
from adapters.storage.memory import MemoryStore
from tests.faults.training import ScriptedLauncher, script
from tunelet.assembly import assembled
from tunelet.core.installation import Installation
from tunelet.core.run import Observation, Run
from tunelet.core.signal import COLLECT, LAUNCH, SUGGEST, Signal
from tunelet.errors import NotFound, Retry
from tunelet.ports import Catalog, Launcher, Publisher, Store
from tunelet.service import Service

T = TypeVar("T")
Delivery = Callable[[Service], Any]
"""An invocation, to be repeated until it is acknowledged."""

IDLE_SECONDS = 700.0
"""How far the clock jumps when nothing runs: beyond the age at which markers are stale."""


class Crash(BaseException):
    """The process died: nothing may catch this."""


class Stuck(AssertionError):
    """The world makes no progress before its end."""


class Fault(StrEnum):
    CRASH_BEFORE = "crash before the call"
    CRASH_AFTER = "crash after the call, its answer lost"
    REFUSE = "a fault, and the call did nothing"
    LOSE_ANSWER = "a fault, though the call was carried out"


LATE = frozenset({Fault.CRASH_AFTER, Fault.LOSE_ANSWER})
"""Those in which the call is carried out."""

READS = frozenset({"get", "list", "active", "lives", "observe", "origin"})
"""Calls that change nothing: whether one was carried out before its fault makes no difference."""


def distinct(fault: Fault, calls: Sequence[str], first: int = 0) -> Iterator[int]:
    """The calls, from `first` on, at which the fault has another effect than at the call before.

    A process that dies after a read leaves what one leaves that dies before it, and an answer of a
    read that is lost is as one that was refused.
    """
    skipped = READS if fault in LATE else frozenset()
    return (n for n, name in enumerate(calls) if n >= first and name not in skipped)


class Faults:
    """Numbers the calls and makes those fail that `plan` names."""

    def __init__(self, plan: Mapping[int, Fault]) -> None:
        self.calls: list[str] = []
        self._plan = plan

    def call(self, name: str, do: Callable[[], T]) -> T:
        fault = self._plan.get(len(self.calls))
        self.calls.append(name)
        if fault is Fault.CRASH_BEFORE:
            raise Crash(name)
        if fault is Fault.REFUSE:
            raise Retry(f"{name} did nothing")
        result = do()
        if fault is Fault.CRASH_AFTER:
            raise Crash(name)
        if fault is Fault.LOSE_ANSWER:
            raise Retry(f"{name} was carried out")
        return result


class Fallible:
    """A port that passes every call through `faults`."""

    def __init__(self, inner: object, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            return self._faults.call(name, lambda: _whole(found(*args, **options)))

        return call


def _whole(result: Any) -> Any:
    """A listing is one call: nothing of it may be left to be read later."""
    return iter(list(result)) if isinstance(result, Iterator) else result


class Broker:
    """A queue that delivers each signal `copies` times, at chance's place if there is any."""

    def __init__(self, copies: int, chance: random.Random | None) -> None:
        self.queue: deque[Delivery] = deque()
        self._copies = copies
        self._chance = chance

    def publish(self, signal: Signal) -> None:
        steps: dict[str, Delivery] = {
            SUGGEST: lambda service: service.suggest(signal.namespace, signal.experiment),
            LAUNCH: lambda service: service.launch(signal.namespace, signal.experiment),
            COLLECT: lambda service: service.collect(signal.namespace, signal.experiment),
        }
        for _ in range(self._copies if signal.topic in steps else 0):
            self.put(steps[signal.topic])

    def put(self, delivery: Delivery) -> None:
        if self._chance is None:
            self.queue.append(delivery)
        else:
            self.queue.insert(self._chance.randint(0, len(self.queue)), delivery)


class World:
    """One experiment's world. `run` drives it until nothing is left to do.

    `client` is what the user does: each act once the one before is acknowledged and
    all that it began has come to rest; `meanwhile` is what he does after so many ticks.
    """

    def __init__(
        self,
        client: Iterable[Delivery],
        plan: Mapping[int, Fault] | None = None,
        *,
        copies: int = 1,
        chance: random.Random | None = None,
        patient: bool = True,
        sweeps: bool = True,
        meanwhile: Mapping[int, Delivery] | None = None,
        launcher: ScriptedLauncher | None = None,
        objects: MemoryStore | None = None,
    ) -> None:
        self.now = 1000.0
        self.objects = objects or MemoryStore()
        self.launcher = launcher or ScriptedLauncher()
        self.faults = Faults(plan or {})
        self.broker = Broker(copies, chance)
        self._acts = deque(client)
        self._patient = patient
        self._sweeps = sweeps
        self._meanwhile = dict(meanwhile or {})
        self._ticks = 0
        self.last_act = 0
        """The number of calls before the client's last act."""
        self._service = self._started()

    def run(self, steps: int = 3000, until: Callable[[], bool] = lambda: False) -> None:
        for _ in range(steps):
            if until():
                return
            if self.broker.queue:
                self._deliver(self.broker.queue.popleft())
            elif self._at_rest() and self._acts:
                self._act()
            elif self._at_rest():
                return
            else:
                self._pass_time()
        raise Stuck(f"not at rest after {steps} steps")

    def calm(self, catalog: Catalog | None = None) -> Service:
        """A service in the same world in which nothing goes wrong."""
        return self._started(Faults({}), catalog)

    def _started(self, faults: Faults | None = None, catalog: Catalog | None = None) -> Service:
        faults = faults or self.faults
        return assembled(
            cast(Store, Fallible(self.objects, faults)),
            cast(Launcher, Fallible(self.launcher, faults)),
            catalog or algorithms.load_catalog(),
            cast(Publisher, Fallible(self.broker, faults)),
            secret=b"secret",
            api_url="http://localhost",
            installation=Installation("here"),
            clock=lambda: self.now,
            sleep=lambda seconds: None,
        )

    def _at_rest(self) -> bool:
        return next(self.objects.list("live/"), None) is None

    def _act(self) -> None:
        act = self._acts.popleft()
        self.last_act = len(self.faults.calls)
        if not self._acknowledged(act) and self._patient:
            self._acts.appendleft(act)

    def _deliver(self, delivery: Delivery) -> None:
        if not self._acknowledged(delivery):
            self.broker.put(delivery)

    def _acknowledged(self, delivery: Delivery) -> bool:
        try:
            delivery(self._service)
        except Crash:
            self._service = self._started()
            return False
        except Retry:
            return False
        except NotFound:
            return True  # the experiment has been deleted
        return True

    def _pass_time(self) -> None:
        self.now += 1.0 if self.launcher.running() else IDLE_SECONDS
        self._ticks += 1
        if self._ticks in self._meanwhile:
            self.broker.put(self._meanwhile[self._ticks])
        for run, seen in self.launcher.tick():
            if script(run.number, run.attempt).pushes:
                self.broker.put(_pushed(run, seen))
            self.broker.publish(Signal(COLLECT, run.namespace, run.experiment))
        if self._sweeps:
            self._acknowledged(lambda service: service.sweep())


def _pushed(run: Run, seen: Observation) -> Delivery:
    """The training code itself reports what the launcher will observe."""

    def push(service: Service) -> None:
        service.attempts.report(run, list(seen.reports))
        if seen.outcome is not None:
            service.attempts.finish(run, seen.outcome)

    return push
