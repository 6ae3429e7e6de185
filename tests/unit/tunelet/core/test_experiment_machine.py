"""Commands in any order, against a model of a few dictionaries that shares no code with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests import specs
from tunelet.core import commands as c
from tunelet.core.commands import Command
from tunelet.core.decide import decide
from tunelet.core.events import Event
from tunelet.core.evolve import evolve, retire
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Outcome, Report, TrialState, Verdict
from tunelet.errors import Conflict, NotFound

ATTEMPTS = 2
SPEC: dict[str, Any] = specs.SPEC | {
    "max_trials": 6,
    "parallel_trials": 2,
    "max_attempts": ATTEMPTS,
    "max_failed_trials": 2,
    "max_seconds": 40.0,
}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)
_experiments = msgspec.json.Decoder(Experiment)

numbers = st.sampled_from([0, 0, 1, 1, 2, 2, 3, 4, 7])
attempts = st.sampled_from([*[1] * 6, *range(2, ATTEMPTS + 2)])
values = st.integers(-3, 3).map(float)


@dataclass
class Modelled:
    """A trial: `WAITING`, `RUNNING` or its end; an attempt; the reports; the objective."""

    state: str = "WAITING"
    attempt: int = 1
    reports: dict[int, float] = field(default_factory=dict)
    own: dict[int, float] = field(default_factory=dict)
    """The present attempt's reports."""
    value: float | None = None
    """What may be the best: of a trial that completed, or that ran when the time was over."""

    @property
    def begun(self) -> bool:
        return self.state == "RUNNING" or self.attempt > 1

    @property
    def over(self) -> bool:
        return self.state not in ("WAITING", "RUNNING")


class Machine(RuleBasedStateMachine):
    patience: int | None = None
    """`give_up_after`. With 1 any failure is alike."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = SPEC | {"give_up_after": self.patience}
        self.failures = 0
        self.now = 0.0
        self.experiment: Experiment | None = None
        self.log: list[Event] = []
        self.retired: dict[int, TrialState] = {}
        self.trials: list[Modelled] = []
        self.state = "RUNNING"
        self.limit, self.parallel = SPEC["max_trials"], SPEC["parallel_trials"]
        self.exhausted = False
        self.active = 0
        self.retries = dict[str, int]()
        self.notes = dict[int | None, str]()
        self.labels = dict[str, str]()
        self.seconds, self.since = 0.0, 1.0
        self.do(c.Submit("u", self.spec, "key"))

    # How commands are given

    def do(self, command: Command) -> None:
        """Give the command twice: the second time it must change nothing."""
        self.now += 1.0
        self._follow(decide(self.experiment, command, self.now))
        assert self.experiment is not None
        another = isinstance(command, c.Enqueue) and command.key is None
        refused = isinstance(command, c.Pause | c.Resume) and self.experiment.over
        if not (another or refused):
            assert decide(self.experiment, command, self.now) == ()

    def refused(self, command: Command, error: type[Exception]) -> None:
        with pytest.raises(error):
            decide(self.experiment, command, self.now)

    def _follow(self, happened: tuple[Event, ...]) -> None:
        for event in happened:
            read = _decoder.decode(_encoder.encode(event))
            assert read == event
            direct, through = evolve(self.experiment, event), evolve(self.experiment, read)
            assert direct == through
            self.experiment = direct
            self.log.append(event)

    # Commands

    @rule(count=st.integers(0, 4), late=st.booleans(), exhausted=st.booleans())
    def suggestions(self, count: int, late: bool, exhausted: bool) -> None:
        first = len(self.trials) - late
        command = c.AddTrials(first, tuple({"x": n} for n in range(count)), exhausted)
        live = sum(not trial.over for trial in self.trials)
        room = min(self.parallel - live, self.limit - len(self.trials))
        usable = self.state == "RUNNING" and not self.exhausted and room > 0 and not late
        usable = usable and not self._hopeless
        self.do(command)
        if usable:
            self.trials += [Modelled() for _ in range(min(count, room))]
            self.exhausted = exhausted and count <= room
        self._settle()

    @rule(count=st.integers(1, 2))
    def trials_begin(self, count: int) -> None:
        self.suggestions(count, late=False, exhausted=False)
        for number, trial in enumerate(self.trials):
            if trial.state == "WAITING" and self._has_slot(number):
                self.start(number, trial.attempt)

    @rule(place=st.integers(0, 1), verdict=st.sampled_from(Verdict), value=values)
    def a_trial_that_runs_ends(self, place: int, verdict: Verdict, value: float) -> None:
        running = [n for n, trial in enumerate(self.trials) if trial.state == "RUNNING"]
        for number in running[place : place + 1]:
            self.finish(number, self.trials[number].attempt, verdict, value)

    @rule(count=st.integers(1, 3), key=st.sampled_from([None, "a", "b"]))
    def given(self, count: int, key: str | None) -> None:
        assert self.experiment is not None
        command = c.Enqueue(tuple({"x": n} for n in range(count)), key)
        known = self.experiment.keys.get(key) if key else None
        if known is not None and len(known) == count:
            assert decide(self.experiment, command, self.now) == ()
        elif known is not None or self._over or len(self.trials) + count > self.limit:
            self.refused(command, Conflict)
        else:
            self.do(command)
            self.trials += [Modelled() for _ in range(count)]
        self._settle()

    @rule(number=numbers, attempt=attempts)
    def start(self, number: int, attempt: int) -> None:
        command = c.Start(number, attempt)

        def started(trial: Modelled) -> None:
            trial.state = "RUNNING"

        self._if_present(number, attempt, command, started)

    @rule(number=numbers, attempt=attempts, step=st.integers(1, 3), value=values)
    def report(self, number: int, attempt: int, step: int, value: float) -> None:
        def reported(trial: Modelled) -> None:
            trial.state = "RUNNING"
            first_of_attempt = (trial.attempt, step) not in known
            if first_of_attempt:
                trial.reports[step] = trial.own[step] = value

        known = self._reported(number)
        report = Report(step, {"objective": value}, attempt)
        self._if_present(number, attempt, c.Record(number, attempt, (report,)), reported)

    def _reported(self, number: int) -> set[tuple[int, int]]:
        trial = self.experiment.trials.get(number) if self.experiment else None
        return {(report.attempt, report.step) for report in trial.reports} if trial else set()

    @rule(number=numbers, attempt=attempts, verdict=st.sampled_from(Verdict), value=values)
    def finish(self, number: int, attempt: int, verdict: Verdict, value: float) -> None:
        def finished(trial: Modelled) -> None:
            if verdict is Verdict.LOST and trial.attempt < ATTEMPTS:
                trial.state = "WAITING"
                trial.attempt += 1
                trial.own = {}
            elif verdict is Verdict.COMPLETE:
                trial.state, trial.value = "COMPLETE", value
            else:
                trial.state = "PRUNED" if verdict is Verdict.PRUNED else "FAIL"
                self.failures += trial.state == "FAIL"

        reported = {"objective": value} if verdict is Verdict.COMPLETE else {}
        outcome = Outcome(verdict, dict(reported), reason="so it ended")
        self._if_present(number, attempt, c.Finish(number, attempt, outcome), finished)

    def _if_present(
        self, number: int, attempt: int, command: Command, change: Callable[[Modelled], None]
    ) -> None:
        """Only the present attempt of a trial that has not ended can change."""
        if number >= len(self.trials):
            self.refused(command, NotFound)
            return
        trial = self.trials[number]
        if not trial.over and attempt > trial.attempt:
            self.refused(command, Conflict)
            return
        if not trial.over and attempt == trial.attempt:
            if not isinstance(command, c.Finish) and not self._has_slot(number):
                self.refused(command, Conflict)
                return
            change(trial)
        self.do(command)
        self._settle()

    def _has_slot(self, number: int) -> bool:
        assert self.experiment is not None
        return self.experiment.trials[number].active

    @rule()
    def pause(self) -> None:
        if self._over:
            self.refused(c.Pause(), Conflict)
            return
        self.do(c.Pause())
        self._clock_stops()
        self.state = "PAUSED"
        self._settle()

    @rule()
    def resume(self) -> None:
        if self._over and self._due_anew() is not None:
            self.refused(c.Resume(), Conflict)
            return
        self.do(c.Resume())
        self._goes_on()
        self._settle()

    @rule()
    def stop(self) -> None:
        self.do(c.Stop())
        if not self._over:
            self._end("STOPPED")

    @precondition(lambda self: self._over)
    @rule(more=st.integers(-2, 3), parallel=st.integers(1, 3))
    def extend_after_the_end(self, more: int, parallel: int) -> None:
        self._extend(more, parallel)

    @rule(more=st.integers(-2, 3), parallel=st.integers(1, 3))
    def extend(self, more: int, parallel: int) -> None:
        self._extend(more, parallel)

    def _extend(self, more: int, parallel: int) -> None:
        limit = max(1, self.limit + more)
        changes = {"max_trials": limit, "parallel_trials": parallel}
        command = c.Extend(changes)
        if limit != self.limit and limit < len(self.trials):
            self.refused(command, Conflict)
            return
        changed = (limit, parallel) != (self.limit, self.parallel)
        self.do(command)
        self.limit, self.parallel = limit, parallel
        if changed and self._over and self.state != "STOPPED" and self._due_anew() is None:
            self._goes_on()
        self._settle()

    @rule(number=numbers)
    def stop_a_trial(self, number: int) -> None:
        if number >= len(self.trials):
            self.refused(c.StopTrial(number), NotFound)
            return
        if not self.trials[number].over:
            self.trials[number].state = "STOPPED"
        self.do(c.StopTrial(number))
        self._settle()

    @rule(number=numbers, key=st.sampled_from(["r", "s"]))
    def retry_a_trial(self, number: int, key: str) -> None:
        assert self.experiment is not None
        command = c.RetryTrial(number, {"x": number}, key, epoch=self.experiment.epoch)
        known = self.retries.get(key)
        if known == number:
            assert decide(self.experiment, command, self.now) == ()
        elif known is not None:
            self.refused(command, Conflict)
        elif number >= len(self.trials):
            self.refused(command, NotFound)
        elif not self._retriable(number):
            self.refused(command, Conflict)
        else:
            self.do(command)
            self.limit += 1
            self.trials.append(Modelled())
            self.retries[key] = number
            if self._over:
                self._goes_on()
        self._settle()

    def _retriable(self, number: int) -> bool:
        """In the window its state is checked; before, the caller has checked it."""
        if number not in self.retired and self.trials[number].state not in ("FAIL", "STOPPED"):
            return False
        if self.state == "STOPPED":
            return False
        return not self._over or self._due_with_another() is None

    def _due_with_another(self) -> str | None:
        self.trials.append(Modelled())
        due = self._due_anew()
        self.trials.pop()
        return due

    @rule(number=st.none() | numbers, note=st.sampled_from(["", "a", "b"]))
    def note(self, number: int | None, note: str) -> None:
        command = c.SetNote(note, number)
        if number is not None and number >= len(self.trials):
            self.refused(command, NotFound)
            return
        self.do(command)
        self.notes[number] = note
        self._settle()

    @rule(value=st.sampled_from(["", "a"]), removed=st.booleans())
    def label(self, value: str, removed: bool) -> None:
        self.do(c.SetLabels({"one": value}, ("two",) if removed else ()))
        self.do(c.SetLabels({"two": value}))
        self.labels = {"one": value, "two": value}
        self._settle()

    @rule()
    def nothing(self) -> None:
        self.do(c.Tick())
        self._settle()

    @rule(seconds=st.integers(1, 40))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.nothing()

    @rule()
    def submit_again(self) -> None:
        self.do(c.Submit("another", self.spec, "key"))
        self._settle()
        self.refused(c.Submit("another", self.spec), Conflict)

    @rule()
    def a_window_closes(self) -> None:
        """Ended trials leave the state, and no decision needs them."""
        assert self.experiment is not None
        self.experiment, done = retire(self.experiment)
        self.retired |= {trial.number: trial.state for trial in done}
        assert _experiments.decode(_encoder.encode(self.experiment)) == self.experiment

    # The model's own rules

    @property
    def _over(self) -> bool:
        return self.state in ("COMPLETE", "FAILED", "STOPPED")

    def _due(self) -> str | None:
        if sum(t.state == "FAIL" for t in self.trials) > SPEC["max_failed_trials"]:
            return "FAILED"
        if self._hopeless and not any(trial.begun for trial in self._live):
            return "FAILED"
        if self._elapsed >= SPEC["max_seconds"]:
            return "COMPLETE" if self._known or any(t.own for t in self._live) else "FAILED"
        spent = len(self.trials) >= self.limit or self.exhausted
        if spent and all(trial.over for trial in self.trials):
            return "COMPLETE" if self._known else "FAILED"
        return None

    def _due_anew(self) -> str | None:
        """The ends that would end it again if resumed; not the failures that were alike."""
        counted, self.failures = self.failures, 0
        due = self._due()
        self.failures = counted
        return due

    @property
    def _hopeless(self) -> bool:
        better = self._known or any(trial.state == "PRUNED" for trial in self.trials)
        return bool(self.patience and self.failures >= self.patience and not better)

    @property
    def _live(self) -> list[Modelled]:
        return [trial for trial in self.trials if not trial.over]

    @property
    def _known(self) -> list[float]:
        return [trial.value for trial in self.trials if trial.value is not None]

    @property
    def _elapsed(self) -> float:
        return self.seconds + (self.now - self.since if self.state == "RUNNING" else 0.0)

    def _clock_stops(self) -> None:
        self.seconds = self._elapsed

    def _goes_on(self) -> None:
        if self._over:
            self.failures = 0
        if self.state != "RUNNING":
            self.state, self.since = "RUNNING", self.now

    def _settle(self) -> None:
        due = self._due()
        if due is not None and not self._over:
            self._end(due)

    def _end(self, state: str) -> None:
        failed = sum(t.state == "FAIL" for t in self.trials) > SPEC["max_failed_trials"]
        failed = failed or (self._hopeless and not any(trial.begun for trial in self._live))
        spent = state != "STOPPED" and not failed and self._elapsed >= SPEC["max_seconds"]
        for trial in self._live:
            trial.state = "STOPPED"
            if spent and trial.own:
                trial.value = trial.own[max(trial.own)]
        self._clock_stops()
        self.state = state

    # What must hold after every step

    @invariant()
    def the_state_is_the_model_s(self) -> None:
        assert self.experiment is not None
        assert self.experiment.state == self.state
        assert self.experiment.next_number == len(self.trials)
        for number, modelled in enumerate(self.trials):
            trial = self.experiment.trials.get(number)
            if trial is None:
                assert self.retired[number] == modelled.state
                continue
            assert (trial.state, trial.attempt) == (modelled.state, modelled.attempt)
            assert {r.step: r.values["objective"] for r in trial.reports} == modelled.reports

    @invariant()
    def notes_and_labels_are_the_last_ones(self) -> None:
        assert self.experiment is not None
        found = dict[int | None, str](self.experiment.notes_on_trials)
        for number, note in self.notes.items():
            assert (self.experiment.note or "" if number is None else found[number]) == note
        assert self.experiment.spec.get("labels", {}) == self.labels

    @invariant()
    def the_budget_is_exact(self) -> None:
        assert len(self.trials) <= self.limit

    @invariant()
    def slots_are_never_more_than_allowed_and_none_is_left_empty(self) -> None:
        """A smaller `parallel_trials` takes no slot away; it gives none until enough are free."""
        assert self.experiment is not None
        active, before = self.experiment.active, self.active
        self.active = active
        assert active <= max(self.parallel, before)
        started = sum(trial.state == "RUNNING" for trial in self.trials)
        waiting = sum(trial.state == "WAITING" for trial in self.trials)
        assert started <= active
        if self.state == "RUNNING":
            if self._hopeless:
                waiting = sum(trial.begun for trial in self._live) - started
            assert active >= min(self.parallel, started + waiting)

    @invariant()
    def counts_are_what_one_counts(self) -> None:
        assert self.experiment is not None
        states = [trial.state for trial in self.trials]
        assert self.experiment.counts == {
            "waiting": states.count("WAITING"),
            "running": states.count("RUNNING"),
            "complete": states.count("COMPLETE"),
            "pruned": states.count("PRUNED"),
            "failed": states.count("FAIL"),
            "stopped": states.count("STOPPED"),
        }

    @invariant()
    def the_best_is_the_best(self) -> None:
        assert self.experiment is not None
        found = [trial.values["objective"] for trial in self.experiment.best]
        assert found == ([min(self._known)] if self._known else [])

    @invariant()
    def the_log_alone_gives_the_same(self) -> None:
        folded: Experiment | None = None
        for event in self.log:
            folded = evolve(folded, event)
        assert folded is not None
        assert self.experiment is not None
        assert retire(folded)[0] == retire(self.experiment)[0]


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestExperiment = Machine.TestCase


class Impatient(Machine):
    """Of an experiment that gives up after the first failure."""

    patience = 1


Impatient.TestCase.settings = Machine.TestCase.settings
TestExperimentThatGivesUp = Impatient.TestCase
