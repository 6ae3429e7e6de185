"""Leave out one rule of the protocol, and the harness must notice.

These are the only tests that patch: each takes one rule away, shows the end that the rule
prevents, and so proves that the other tests would fail without it.
"""

from collections.abc import Iterator
from contextlib import suppress
from secrets import token_hex
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import REQUEST, check, end, spec, submit
from tests.faults.training import ScriptedLauncher
from tests.faults.world import Fault, Stuck, World, distinct
from tunelet.core import attempts, decide, events
from tunelet.core.commands import AddTrials, Start, Submit
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Trial
from tunelet.engine import loop
from tunelet.engine.loop import Loop
from tunelet.engine.runs import Runs
from tunelet.errors import Conflict, Retry
from tunelet.log.journal import Journal
from tunelet.log.markers import Marker, Markers
from tunelet.log.writer import Writer
from tunelet.ports import Store

CALM = World([submit])
CALM.run()
EXPECTED = end(CALM.objects)


def crash_everywhere(fault: Fault, **options: Any) -> Iterator[World]:
    """The worlds in which one call went wrong, each checked."""
    for number in distinct(fault, CALM.faults.calls):
        launcher = options["launcher"]() if "launcher" in options else None
        world = World([submit], {number: fault}, launcher=launcher)
        world.run()
        check(world, EXPECTED)
        yield world


def test_with_all_rules_a_lost_answer_harms_nothing() -> None:
    assert all(crash_everywhere(Fault.CRASH_AFTER))


def test_names_of_runs_that_are_not_deterministic() -> None:
    """Kubernetes' generateName, say: the run is started again after a lost answer."""

    def launcher() -> ScriptedLauncher:
        return ScriptedLauncher(name_of=lambda run: f"{run.name}-{token_hex(4)}")

    calm = World([submit], launcher=launcher())
    calm.run()
    check(calm, EXPECTED)
    with pytest.raises(AssertionError, match=r"I3|I4"):
        list(crash_everywhere(Fault.CRASH_AFTER, launcher=launcher))


def test_no_sweep_although_signals_are_lost() -> None:
    world = World([submit], copies=0, sweeps=False)
    with pytest.raises(Stuck):
        world.run(steps=300)


def test_a_start_recorded_before_the_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dying between the two makes a run look lost that never was."""
    launched = Runs.launched

    def too_early(self: Runs, experiment: Experiment, trial: Trial) -> Any:
        log = self._journals.of(experiment.namespace, experiment.name)
        log.commit(Start(trial.number, trial.attempt))
        return launched(self, experiment, trial)

    monkeypatch.setattr(Runs, "launched", too_early)
    with pytest.raises(AssertionError, match=r"I2|I4"):
        list(crash_everywhere(Fault.CRASH_BEFORE))


def test_an_ended_trial_that_may_end_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated outcome is counted twice."""
    monkeypatch.setattr(attempts, "_current", lambda experiment, n, _: experiment.trials.get(n))
    with pytest.raises(AssertionError, match="I2"):
        list(crash_everywhere(Fault.CRASH_AFTER))


def test_slots_that_are_not_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trial that waits is launched."""

    def all_that_wait(experiment: Experiment, _: object) -> tuple[events.Event, ...]:
        waiting = [trial for trial in experiment.live if not trial.active]
        return tuple(events.AttemptReserved(t.number, t.attempt) for t in waiting)

    monkeypatch.setattr(decide, "_reserve", all_that_wait)
    monkeypatch.setattr(loop, "_due", lambda e, *_: [t for t in e.live if t.started_at is None])
    world = World([submit])
    world.run()
    with pytest.raises(AssertionError, match="I3: too many"):
        check(world, EXPECTED)


class _Overwriting(MemoryStore):
    def create(self, key: str, data: bytes) -> bool:
        self.put(key, data)
        return True


@pytest.mark.parametrize("store", [MemoryStore(), _Overwriting()])
def test_a_log_that_is_written_without_put_if_absent(store: Store) -> None:
    """Of two racing writers, one's acknowledged trial vanishes."""
    one, two = (Journal(store, "default", "e", sleep=lambda _: None) for _ in range(2))
    one.commit(Submit("u", spec()))
    two.read()
    one.commit(AddTrials(3, ({"x": 0.2},)))
    one.commit(Start(0, 1))
    two.commit(Start(1, 1))
    started = {t.number for t in Journal(store, "default", "e").read().live if t.started_at}
    assert (started == {0, 1}) is (type(store) is MemoryStore)


def submitted_in_doubt(request: dict[str, Any]) -> World:
    """A client without a key that repeats unacknowledged calls; one answer is lost."""
    creates = [number for number, call in enumerate(CALM.faults.calls) if call == "create"]
    create = creates[2]  # the probe of the store has made two
    world = World([lambda service: service.submit(request)], {create: Fault.LOSE_ANSWER})
    world.run()
    return world


def experiments(world: World) -> int:
    return len([key for key in world.objects.list("v1/") if key.endswith(f"{1:020d}.json")])


def one_create(self: Writer, key: str, data: bytes, until: float) -> bool:
    return self._store.create(key, data)


def creates_until_answered(self: Writer, key: str, data: bytes, until: float) -> bool:
    while True:
        with suppress(Retry):
            return self._store.create(key, data)


UNNAMED = {field: value for field, value in REQUEST.items() if field != "name"}


def test_with_all_rules_a_submit_in_doubt_is_acknowledged_once() -> None:
    check(submitted_in_doubt(REQUEST), EXPECTED)
    assert experiments(submitted_in_doubt(UNNAMED)) == 1


def test_exists_taken_for_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller gets a conflict with its own experiment."""
    monkeypatch.setattr(Writer, "_create", creates_until_answered)
    with pytest.raises(Conflict):
        submitted_in_doubt(REQUEST)


def test_doubt_taken_for_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is asked to send it again, and gets two experiments."""
    monkeypatch.setattr(Writer, "_create", one_create)
    assert experiments(submitted_in_doubt(UNNAMED)) == 2


def dies_while_submitting(call: int) -> World:
    """The client is gone, too: he does not send it again."""
    world = World([submit], {call: Fault.CRASH_BEFORE}, patient=False)
    world.run()
    return world


SUBMIT_CALLS = CALM.faults.calls.index("publish") + 1


def logged_and_ended(world: World) -> bool:
    """The work in the log is finished."""
    log = Journal(world.objects, "default", "e").peek()
    return log is None or end(world.objects) == EXPECTED


def test_with_all_rules_the_sweep_finds_the_work_in_the_log() -> None:
    worlds = [dies_while_submitting(call) for call in range(SUBMIT_CALLS)]
    assert all(map(logged_and_ended, worlds))
    assert {bool(list(world.objects.list("v1/"))) for world in worlds} == {True, False}


def test_a_marker_written_after_the_log_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The experiment is in the log, and no process ever looks at it."""
    put_off: list[Marker] = []
    set_marker, changed = Markers.set, Loop.change

    def and_then_the_marker(self: Loop, *what: Any, **how: Any) -> Experiment:
        experiment = changed(self, *what, **how)
        if put_off:
            set_marker(self._markers, put_off.pop())
        return experiment

    monkeypatch.setattr(Markers, "set", lambda self, marker: put_off.append(marker))
    monkeypatch.setattr(Loop, "change", and_then_the_marker)
    worlds = [dies_while_submitting(call) for call in range(SUBMIT_CALLS)]
    assert not all(map(logged_and_ended, worlds))
