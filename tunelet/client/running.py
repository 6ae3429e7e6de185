"""A trial that this process runs: what it is given, and what it reports.

    experiment = Client().experiment("digits")
    while (trial := experiment.ask()) is not None:
        with trial:
            trial.tell(train(**trial.hyperparameters))

A thread renews the lease on the trial until its outcome is sent. If the process dies, or drops the
trial, the lease runs out and the trial is given to another.
"""

import logging
import math
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from tunelet.client.trial import Json, Trial
from tunelet.errors import Conflict, Forbidden, NotFound, Reject, TrialPruned, TuneletError

if TYPE_CHECKING:
    # A deliberate circle: a client makes trials, and each calls its client.
    from tunelet.client.client import Client

log = logging.getLogger("tunelet.client.running")

Value = float | int
Send = Callable[[str, Json], Any]
"""Posts to a path below the trial's, with its token."""


class Asked(NamedTuple):
    """The answer to a request for trials."""

    trials: list["RunningTrial"]
    state: str
    """The experiment's."""
    reason: str | None
    """Why it has ended, or why it has no trial now."""
    ended: bool
    """True: there will be no more trials. Else ask again later if there is none now."""
    uid: str | None = None
    """The experiment's; None from an older service."""


def asked(client: "Client", name: str, answer: Json, lease_seconds: float) -> Asked:
    """Return the service's answer with its trials ready to run."""

    uid = answer.get("uid")

    def objectives() -> list[str]:
        return client.objectives_of(name, uid)

    trials = [
        RunningTrial(each, objectives, lease_seconds, client.sender(name, each))
        for each in answer["trials"]
    ]
    return Asked(trials, answer["state"], answer["reason"], answer["ended"], uid)


_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


def next_trial(
    client: "Client", name: str, lease_seconds: float, timeout: float | None = None
) -> "RunningTrial | None":
    """Return a trial as soon as one can begin, None if there are no more.

    Raises TimeoutError after `timeout` seconds.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        found = client.ask(name, 1, lease_seconds)
        if found.trials or found.ended:
            return next(iter(found.trials), None)
        if time.monotonic() + pause > deadline:
            raise TimeoutError(f"no trial of {name} could begin for {timeout:g} s: {found.reason}")
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, _LONGEST_PAUSE)


class RunningTrial:
    """A trial that this process has until it sends the outcome, gives it back, or loses it.

    Threads may share one. Every method that asks the service may raise what a `Client` does. As a
    context it ends a trial that has no outcome: an exception fails it, `TrialPruned` prunes it, and
    Ctrl-C gives it back.
    """

    def __init__(
        self, answer: Json, objectives: Callable[[], list[str]], lease_seconds: float, send: Send
    ) -> None:
        self.number = int(answer["number"])
        self.attempt = int(answer["attempt"])
        """1, or more if others lost the trial before."""
        self.hyperparameters: dict[str, Any] = dict(answer["hyperparameters"])
        self.checkpoint_url = str(answer["checkpoint_url"])
        """Where it may save its progress; the next attempt gets the same one."""
        self.token = str(answer["token"])
        """The credential of this attempt, for a program that reports by itself."""
        self._objectives = objectives
        self._send = send
        self._stop = threading.Event()
        self._over = threading.Event()
        self._steps = 0
        over = self._over
        dropped = weakref.ref(self, lambda _: over.set())
        renewal = (dropped, over, lease_seconds / 3)
        threading.Thread(target=_renew, args=renewal, daemon=True).start()

    def report(self, value: Value | Mapping[str, Value], step: int | None = None) -> None:
        """Report the objective, or values by metric, at a step: the next one unless given.

        Stopping rules judge it, so `should_prune` may answer True afterwards.
        """
        at = self._steps if step is None else step
        self._steps = at + 1
        self.report_all([{"step": at, "values": self._named(value)}])

    def report_all(self, reports: Sequence[Json]) -> None:
        """Report many steps, each {"step", "values"}, or none: that renews the lease alone."""
        if self._send("reports", {"reports": list(reports)})["stop"]:
            self._stop.set()

    def should_prune(self) -> bool:
        """Whether to stop: a rule stops it, the experiment has ended, or the trial is lost."""
        return self._stop.is_set()

    def abandon(self) -> None:
        """Note that the trial is not this process's any more; `should_prune` answers True."""
        self._stop.set()

    def tell(
        self,
        value: Value | Sequence[Value] | Mapping[str, Value] | None = None,
        *,
        failed: str | None = None,
        pruned: bool = False,
    ) -> Trial:
        """Tell the outcome: the objective's value, one for each objective, or values by metric.

        Without a value the newest reports count. `failed` is why it failed; with `pruned` it
        stopped early. Returns the trial as the service records it. Telling twice does no harm.
        Raises `Conflict` if the trial was lost meanwhile.
        """
        state = "FAIL" if failed is not None else "PRUNED" if pruned else "COMPLETE"
        values = {} if value is None else self._named(value)
        body = {"state": state, "values": values, **({"reason": failed} if failed else {})}
        return self.tell_outcome(body)

    def release(self, reason: str | None = None, counted: bool = False) -> Trial:
        """Give the trial back, for another to run.

        It is not one of `max_attempts`, unless `counted`.
        """
        body = {"counted": counted, **({"reason": reason} if reason else {})}
        return self._ended("release", body)

    def keep_output(self, text: str) -> None:
        """Keep what the trial has printed, for `tunelet logs`: at most 256 Ki characters."""
        self._send("output", {"output": text})

    def tell_outcome(self, body: Json) -> Trial:
        """Tell the outcome in the API's own form: see `tell`."""
        return self._ended("outcome", body)

    def _ended(self, path: str, body: Json) -> Trial:
        try:
            told = Trial(self._send(path, body))
        except Conflict:
            self._over.set()
            raise
        self._over.set()
        return told

    def _named(self, value: Value | Sequence[Value] | Mapping[str, Value]) -> Json:
        if isinstance(value, Mapping):
            return {name: _sent(each) for name, each in value.items()}
        values = list(value) if isinstance(value, Sequence) else [value]
        names = self._objectives()
        if len(values) > len(names):
            raise Reject(f"{len(values)} values for {len(names)} objectives: name them in a dict")
        return {name: _sent(each) for name, each in zip(names, values, strict=False)}

    def __enter__(self) -> "RunningTrial":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._over.is_set():
            return
        if fault is None or isinstance(fault, TrialPruned):
            self.tell(pruned=fault is not None)
        elif isinstance(fault, Exception):
            self.tell(failed=f"{type(fault).__name__}: {fault}"[:_LONGEST_REASON])
        else:
            self.release(type(fault).__name__)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.hyperparameters.items())
        return f"<RunningTrial {self.number}: {given}>"


_LONGEST_REASON = 1000


def _renew(own: "weakref.ref[RunningTrial]", over: threading.Event, seconds: float) -> None:
    """Renew the lease until the trial is over, lost or dropped."""
    while not over.wait(seconds):
        trial = own()
        if trial is None or trial.should_prune():
            return
        try:
            trial.report_all([])
        except (NotFound, Forbidden) as fault:
            log.warning("%r is lost: %s", trial, fault)
            trial.abandon()
            return
        except TuneletError as fault:
            log.warning("the lease on %r is renewed later: %s", trial, fault)
        del trial  # so that it is dropped if its owner drops it


def _sent(value: Value) -> float | str:
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number
