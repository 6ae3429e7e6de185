"""Whatever call to the store fails while workers ask and tell, no trial is lost or given twice."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Outbox
from tests.faults.training import ScriptedLauncher
from tests.faults.world import Crash, Fallible, Fault, Faults, distinct
from tests.unit.functions.conftest import SMALLEST, Broker
from tunelet.assembly import assembled
from tunelet.core.installation import Installation
from tunelet.core.run import Run
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import Retry
from tunelet.service import Service

REQUEST = {
    **SMALLEST,
    "name": "e",
    "model_training_code": {"workers": True},
    "max_trials": 3,
    "parallel_trials": 2,
    "seed": 1,
    "enqueue": [{"learning_rate": 0.05, "batch_size": 64}],
}
DONE = Outcome(Verdict.COMPLETE, {"objective": 1.0})


class End(NamedTuple):
    """What users see afterwards."""

    state: str
    trials: list[tuple[int, int, str, int]]
    """Number, attempt, state and the number of reports."""
    given: list[list[tuple[int, int]]]
    """What each request for trials was answered."""


class Place:
    """Processes over one store: after a fault another one repeats the call."""

    def __init__(self, plan: Mapping[int, Fault]) -> None:
        self.now = 1000.0
        self.faults = Faults({})
        self._store = MemoryStore()
        self._service = self._opened()
        self._uid = self._service.submit(REQUEST).uid
        self.faults = Faults(plan)
        self._service = self._opened()

    def _opened(self) -> Service:
        store: Any = Fallible(self._store, self.faults)
        return assembled(
            *(store, ScriptedLauncher(), load_catalog(), Outbox(Broker())),
            secret=b"0123456789abcdef",
            api_url="",
            installation=Installation("here"),
            clock=lambda: self.now,
            sleep=lambda _: None,
        )

    def does(self, call: Callable[[Service], Any]) -> Any:
        while True:
            self.now += 1
            try:
                return call(self._service)
            except (Crash, Retry):
                self._service = self._opened()

    def asked(self, key: str, count: int) -> list[Run]:
        _, handed = self.does(
            lambda service: service.attempts.ask("default", "e", count, 60.0, key)
        )
        return [
            Run("default", "e", self._uid, each.trial.number, each.trial.attempt) for each in handed
        ]

    def worked(self) -> End:
        """What two workers do until the experiment has ended."""
        first, second = self.asked("a", 2)
        self.does(lambda service: service.attempts.report(first, [Report(0, {"objective": 2.0})]))
        self.now += 30
        self.does(lambda service: service.attempts.report(first, []))
        self.does(lambda service: service.attempts.release(second, "preempted"))
        (again,) = self.asked("b", 2)
        self.does(lambda service: service.attempts.finish(first, DONE))
        (third,) = self.asked("c", 1)
        for run in (again, third):
            self.does(lambda service, run=run: service.attempts.finish(run, DONE))
        none = self.asked("d", 1)
        self.does(lambda service: service.sweep())
        trials = self.does(lambda service: service.trials("default", "e")[0])
        experiment = self.does(lambda service: service.experiment("default", "e"))
        runs = ([first, second], [again], [third], none)
        return End(
            experiment.state,
            [(t.number, t.attempt, t.state, len(t.reports)) for t in trials],
            [[(run.number, run.attempt) for run in some] for some in runs],
        )


EXPECTED = End(
    "COMPLETE",
    [(0, 1, "COMPLETE", 1), (1, 2, "COMPLETE", 0), (2, 1, "COMPLETE", 0)],
    [[(0, 1), (1, 1)], [(1, 2)], [(2, 1)], []],
)


def test_nothing_goes_wrong() -> None:
    assert Place({}).worked() == EXPECTED


@pytest.mark.parametrize("fault", Fault)
def test_one_fault_at_every_call(fault: Fault) -> None:
    calm = Place({})
    calm.worked()
    assert ends({n: fault} for n in distinct(fault, calm.faults.calls)) == {}


def ends(plans: Iterable[Mapping[int, Fault]]) -> dict[str, End]:
    """What ended otherwise than expected, by the plan of faults."""
    found = ((str(plan), Place(plan).worked()) for plan in plans)
    return {plan: end for plan, end in found if end != EXPECTED}
