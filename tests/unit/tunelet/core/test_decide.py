"""The rules, by example: the events of a command, and the order of ends."""

import math
from typing import Any

import pytest

from tests import specs
from tunelet.core import commands as c
from tunelet.core.commands import Command
from tunelet.core.decide import decide
from tunelet.core.events import TrialEnded
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import KEYS_KEPT, Experiment
from tunelet.core.trial import Number, Outcome, Report, Trial, TrialState, Verdict
from tunelet.errors import Conflict, NotFound

SPEC: dict[str, Any] = specs.SPEC | {
    "max_trials": 4,
    "parallel_trials": 2,
    "max_failed_trials": None,
    "max_seconds": None,
    "max_cost": None,
    "cost_per_hour": None,
    "labels": {},
}
HOUR = 3600.0


class Story:
    """An experiment and its commands. The clock advances only by the test."""

    def __init__(self, key: str | None = None, **spec: Any) -> None:
        self.now = 0.0
        self.state: Experiment | None = None
        self.does(c.Submit("u", SPEC | spec, key))

    def does(self, *commands: Command) -> "Story":
        for command in commands:
            happened = decide(self.state, command, self.now)
            self.changed = bool(happened)
            self.state = evolve_all(self.state, happened)
        return self

    @property
    def e(self) -> Experiment:
        assert self.state is not None
        return self.state

    def trial(self, number: int) -> Trial:
        return self.e.trials[number]

    def suggested(self, *numbers: int) -> "Story":
        """Running trials, which all have a slot at once."""
        for n in numbers:
            self.does(c.AddTrials(n, ({"x": n},)), c.Start(n, 1))
        return self

    def ends(self, number: int, value: float | None = None, attempt: int = 1) -> "Story":
        """COMPLETE with the value, or FAIL without."""
        return self.does(c.Finish(number, attempt, complete(value) if value is not None else FAIL))

    @property
    def end(self) -> tuple[str, str | None]:
        return self.e.state, self.e.reason


FAIL = Outcome(Verdict.FAIL, reason="exit code 1", exit_code=1, log_tail="boom")
LOST = Outcome(Verdict.LOST, reason="node gone")


def complete(value: Number, **others: Number) -> Outcome:
    return Outcome(Verdict.COMPLETE, {"objective": value} | others)


def goal(value: float) -> list[dict[str, Any]]:
    return [{"metric": "objective", "direction": "minimize", "goal": value}]


# Ends


def test_it_ends_when_all_trials_have_ended() -> None:
    story = Story(max_trials=2).suggested(0, 1).ends(0, 1.0)
    assert story.e.state == "RUNNING"
    assert story.ends(1, 2.0).end == ("COMPLETE", "all 2 trials have ended")


def test_an_experiment_without_a_completed_trial_has_failed() -> None:
    story = Story(max_trials=2).suggested(0, 1).ends(0).ends(1)
    assert story.end == ("FAILED", "all 2 trials have ended, none of them completed")


def test_a_goal_ends_it_and_stops_running_trials() -> None:
    story = Story(objectives=goal(0.5)).suggested(0, 1).ends(0, 0.5)
    assert story.end == ("COMPLETE", "the goal is reached")
    stopped = story.trial(1)
    assert stopped.state is TrialState.STOPPED
    assert stopped.reason == "the experiment ended: the goal is reached"
    assert (story.e.counts["failed"], story.e.counts["stopped"]) == (0, 1)


def test_a_goal_that_is_to_be_maximized_is_reached_from_below() -> None:
    terms = [{"metric": "objective", "direction": "maximize", "goal": 0.9}]
    story = Story(objectives=terms).suggested(0, 1).ends(0, 0.89)
    assert story.e.state == "RUNNING"
    assert story.ends(1, 0.95).e.reason == "the goal is reached"


def test_a_goal_is_reached_by_a_completed_trial_only() -> None:
    story = Story(objectives=goal(0.5)).suggested(0)
    story.does(c.Record(0, 1, (Report(1, {"objective": 0.1}),)))
    assert story.e.state == "RUNNING"
    story.does(c.Finish(0, 1, Outcome(Verdict.PRUNED)))
    assert story.e.state == "RUNNING"


def test_as_many_failures_as_allowed_are_borne_and_one_more_ends_it() -> None:
    story = Story(max_failed_trials=1).suggested(0, 1).ends(0)
    assert story.e.state == "RUNNING"
    assert story.ends(1).end == ("FAILED", "2 trials failed (max_failed_trials is 1)")


def test_no_failure_at_all_may_be_allowed() -> None:
    assert Story(max_failed_trials=0).suggested(0).ends(0).e.state == "FAILED"


def test_time_ends_it() -> None:
    story = Story(max_seconds=10.0).suggested(0, 1).ends(0, 1.0)
    story.now = 9.9
    assert story.does(c.Tick()).e.state == "RUNNING"
    story.now = 10.0
    assert story.does(c.Tick()).end == ("COMPLETE", "max_seconds (10) have passed")
    assert story.trial(1).state is TrialState.STOPPED


def test_a_pause_does_not_count_as_time() -> None:
    story = Story(max_seconds=10.0)
    story.now = 6.0
    story.does(c.Pause())
    story.now = 100.0
    assert story.does(c.Tick(), c.Resume()).e.state == "RUNNING"
    story.now = 104.0
    assert story.does(c.Tick()).end == (
        "FAILED",
        "max_seconds (10) have passed",
    )


def test_cost_counts_running_and_ended_trials() -> None:
    story = Story(max_cost=3.0, cost_per_hour=1.0).suggested(0, 1)
    story.now = HOUR
    story.ends(0, 1.0)
    assert story.e.cost(HOUR) == pytest.approx(2.0)
    story.now = 2 * HOUR
    assert story.does(c.Tick()).end == ("COMPLETE", "max_cost (3) is spent")


@pytest.mark.parametrize("outcome", [complete(1.0), LOST])
def test_a_slow_clock_does_not_reduce_the_cost(outcome: Outcome) -> None:
    """The process that sees an end has another clock than the one that saw the start."""
    story = Story(max_cost=3.0, cost_per_hour=1.0).suggested(0)
    story.now = -60.0
    story.does(c.Finish(0, 1, outcome))
    assert story.e.trial_seconds == story.trial(0).seconds == 0.0


@pytest.mark.parametrize("command", [c.Pause(), c.Stop()])
def test_a_slow_clock_does_not_reduce_the_elapsed_time(
    command: Command,
) -> None:
    story = Story(max_seconds=100.0).suggested(0)
    story.now = -60.0
    story.does(command)
    assert story.e.elapsed(0.0) == story.trial(0).seconds == 0.0


def test_a_lost_attempt_costs_too() -> None:
    story = Story(max_cost=3.0, cost_per_hour=1.0).suggested(0)
    story.now = HOUR
    story.does(c.Finish(0, 1, LOST))
    story.now = 5 * HOUR
    story.does(c.Start(0, 2))
    assert story.e.cost(5 * HOUR) == pytest.approx(1.0)


def test_an_exhausted_space_ends_it_once_nothing_is_left() -> None:
    story = Story().does(c.AddTrials(0, ({"x": 0},), exhausted=True), c.Start(0, 1))
    assert story.e.room == 0
    assert story.ends(0, 1.0).end == ("COMPLETE", "the search space is exhausted after 1 trial")


def test_an_empty_answer_that_exhausts_the_space_ends_it_at_once() -> None:
    story = Story().does(c.AddTrials(0, (), exhausted=True))
    assert story.end == ("FAILED", "the search space is exhausted after 0 trials")


def test_an_answer_that_found_no_room_for_all_does_not_exhaust_the_space() -> None:
    story = Story().does(c.AddTrials(0, ({"x": 0}, {"x": 1}, {"x": 2}), exhausted=True))
    assert (story.e.next_number, story.e.exhausted) == (2, False)


ENDS: list[tuple[str, dict[str, Any]]] = [
    ("the goal is reached", {"objectives": goal(5.0)}),
    ("1 trial failed (max_failed_trials is 0)", {"max_failed_trials": 0}),
    ("max_seconds (10) have passed", {"max_seconds": 10.0}),
    ("max_cost (0.001) is spent", {"max_cost": 0.001, "cost_per_hour": 1.0}),
    ("all 2 trials have ended", {"max_trials": 2}),
]
"""In the documented order; each is due at the end of the same story."""


@pytest.mark.parametrize("first", range(len(ENDS)))
@pytest.mark.parametrize("second", range(len(ENDS)))
def test_the_first_of_two_due_ends_in_the_list_is_the_reason(first: int, second: int) -> None:
    story = Story(**{"max_trials": 3, **ENDS[first][1], **ENDS[second][1]}).suggested(0, 1)
    story.now = 100.0
    both_at_once = (
        TrialEnded(0, 1, TrialState.COMPLETE, at=100.0, values={"objective": 1.0}),
        TrialEnded(1, 1, TrialState.FAIL, at=100.0),
    )
    story.state = evolve_all(story.state, both_at_once)
    assert story.does(c.Tick()).e.reason == ENDS[min(first, second)][0]


def test_budget_before_exhaustion() -> None:
    story = Story(max_trials=1).does(c.AddTrials(0, ({"x": 0},), exhausted=True))
    assert story.ends(0, 1.0).e.reason == "the only trial has ended"


def test_a_stop_comes_before_everything() -> None:
    story = Story(max_seconds=10.0).suggested(0)
    story.now = 100.0
    assert story.does(c.Stop()).end == ("STOPPED", "stopped")
    assert story.trial(0).state is TrialState.STOPPED
    assert not story.does(c.Stop()).changed


def test_an_abort_fails_it() -> None:
    assert Story().does(c.Abort("the algorithm broke")).end == ("FAILED", "the algorithm broke")


def test_stopped_trials_are_not_failures() -> None:
    story = Story(max_failed_trials=0).suggested(0, 1).does(c.Stop(), c.Resume())
    assert story.e.state == "RUNNING"
    assert (story.e.ended.fail, story.e.ended.stopped) == (0, 2)


@pytest.mark.parametrize(
    "end", [c.Stop(), c.Abort("the algorithm broke"), c.Conclude("no progress"), c.Delete()]
)
def test_an_end_adds_no_failures(end: Command) -> None:
    story = Story(max_failed_trials=0).suggested(0, 1).does(end)
    assert (story.e.over, story.e.counts["failed"]) == (True, 0)


def test_failures_beyond_the_limit_stop_the_others() -> None:
    story = Story(max_failed_trials=0).suggested(0, 1).ends(0)
    assert story.trial(1).reason == (
        "the experiment ended: 1 trial failed (max_failed_trials is 0)"
    )
    assert (story.e.counts["failed"], story.e.counts["stopped"]) == (1, 1)


# What trials had reported when the time or the money was spent

SPENT = pytest.mark.parametrize(
    "budget", [{"max_seconds": HOUR}, {"max_cost": 2.0, "cost_per_hour": 1.0}], ids=["time", "cost"]
)


def at_the_end_of_a_budget(story: Story) -> Story:
    story.now = 2 * HOUR
    return story.does(c.Tick())


def reported(number: int, *values: Number, attempt: int = 1, **others: Number) -> Command:
    """A report a value, at steps 1, 2 and so on."""
    steps = enumerate(values, 1)
    reports = tuple(Report(step, {"objective": each} | others, attempt) for step, each in steps)
    return c.Record(number, attempt, reports)


@SPENT
def test_the_newest_values_of_running_trials_count(budget: dict[str, Any]) -> None:
    story = Story(**budget).suggested(0, 1).does(reported(0, 1.0, 3.0), reported(1, 2.0))
    at_the_end_of_a_budget(story)
    (best,) = story.e.best
    assert (best.number, best.state, best.values) == (1, TrialState.STOPPED, {"objective": 2.0})
    assert (story.e.state, story.e.counts["stopped"]) == ("COMPLETE", 2)


@SPENT
def test_a_completed_trial_that_is_better_stays_the_best(budget: dict[str, Any]) -> None:
    story = Story(**budget).suggested(0, 1).ends(0, 1.0).does(reported(1, 2.0))
    assert [each.number for each in at_the_end_of_a_budget(story).e.best] == [0]


@SPENT
def test_an_experiment_without_any_value_has_failed_with_the_reason(budget: dict[str, Any]) -> None:
    story = at_the_end_of_a_budget(Story(**budget).suggested(0, 1))
    assert story.e.state == "FAILED"
    assert str(story.e.reason).endswith(
        "; no trial completed, and none that ran has reported values that count"
    )


@pytest.mark.parametrize("value", ["NaN", math.nan])
def test_a_value_of_nan_does_not_count(value: Number) -> None:
    story = Story(max_seconds=HOUR).suggested(0).does(reported(0, 1.0, value))
    assert (at_the_end_of_a_budget(story).e.state, story.e.best) == ("FAILED", ())


def test_every_objective_must_have_been_reported() -> None:
    two = [
        {"metric": "objective", "direction": "minimize", "goal": None},
        {"metric": "accuracy", "direction": "maximize", "goal": None},
    ]
    story = Story(objectives=two, max_seconds=HOUR).suggested(0, 1)
    story.does(reported(0, 1.0), reported(1, 2.0, accuracy=0.5))
    assert [each.number for each in at_the_end_of_a_budget(story).e.best] == [1]


@pytest.mark.parametrize("others", [{}, {"latency": 3.0}])
def test_constraints_must_be_met(others: dict[str, Number]) -> None:
    limit = [{"metric": "latency", "min": None, "max": 2.0}]
    story = Story(constraints=limit, max_seconds=HOUR).suggested(0, 1)
    story.does(reported(0, 1.0, **others))
    assert (at_the_end_of_a_budget(story).e.state, story.e.best) == ("FAILED", ())


@pytest.mark.parametrize("others", [{}, {"latency": 3.0}])
def test_a_trial_that_completes_and_meets_no_constraint_is_not_the_best(
    others: dict[str, Number],
) -> None:
    limit = [{"metric": "latency", "min": None, "max": 2.0}]
    story = Story(constraints=limit).suggested(0, 1)
    story.does(c.Finish(0, 1, complete(1.0, **others)), c.Finish(1, 1, complete(2.0, latency=1.0)))
    assert [trial.number for trial in story.e.best] == [1]


def test_values_of_a_lost_attempt_do_not_count() -> None:
    story = Story(max_seconds=HOUR).suggested(0).does(reported(0, 1.0, 1.0))
    story.does(c.Finish(0, 1, LOST), c.Start(0, 2))
    assert (at_the_end_of_a_budget(story).e.state, story.e.best) == ("FAILED", ())


def test_the_present_attempt_s_values_count_though_a_lost_one_came_further() -> None:
    story = Story(max_seconds=HOUR).suggested(0).does(reported(0, 1.0, 1.0, 1.0))
    story.does(c.Finish(0, 1, LOST), c.Start(0, 2), reported(0, 5.0, attempt=2))
    (best,) = at_the_end_of_a_budget(story).e.best
    assert best.values == story.trial(0).values == {"objective": 5.0}


@pytest.mark.parametrize("end", [c.Stop(), c.Abort("broken"), c.Conclude("no progress")])
def test_a_trial_stopped_by_another_end_is_not_among_the_best(end: Command) -> None:
    story = Story().suggested(0, 1).ends(0, 3.0).does(reported(1, 1.0), end)
    assert [each.number for each in story.e.best] == [0]
    assert story.trial(1).values == {"objective": 1.0}


def test_a_goal_that_is_reached_leaves_the_others_out_of_the_best() -> None:
    story = Story(objectives=goal(2.0)).suggested(0, 1).does(reported(1, 1.0)).ends(0, 2.0)
    assert [each.number for each in story.e.best] == [0]


def test_the_best_stopped_trial_is_kept_after_an_extension_and_a_second_end() -> None:
    story = at_the_end_of_a_budget(Story(max_seconds=HOUR).suggested(0).does(reported(0, 1.0)))
    story.does(c.Extend({"max_seconds": 3 * HOUR}))
    assert story.e.state == "RUNNING"
    story.now += 2 * HOUR
    assert story.does(c.Tick()).e.state == "COMPLETE"
    assert [each.number for each in story.e.best] == [0]


# The order of ends


# Slots, pause, resume, extend, delete


def test_a_waiting_trial_gets_the_slot_that_becomes_free() -> None:
    story = Story(enqueue=[{"x": 0}, {"x": 1}, {"x": 2}])
    assert [story.trial(n).reserved for n in range(3)] == [True, True, False]
    story.does(c.Start(0, 1)).ends(0, 1.0)
    assert story.trial(2).reserved


def test_a_trial_without_a_slot_cannot_have_started() -> None:
    story = Story(enqueue=[{"x": n} for n in range(3)])
    report = c.Record(2, 1, (Report(1, {"objective": 1.0}),))
    for command in (c.Start(2, 1), report):
        with pytest.raises(Conflict, match="waits for a slot"):
            story.does(command)


def test_given_trials_count_before_suggested_ones() -> None:
    story = Story(enqueue=[{"x": 0}])
    assert story.e.room == 1
    story.does(c.AddTrials(1, ({"x": 1}, {"x": 2})))
    assert story.e.next_number == 2


def test_a_paused_experiment_starts_nothing_and_records_running_trials() -> None:
    story = Story(enqueue=[{"x": 0}, {"x": 1}, {"x": 2}]).does(c.Start(0, 1), c.Pause())
    story.ends(0, 1.0)
    assert not story.trial(2).reserved
    assert story.e.room == 0
    assert not story.does(c.Pause()).changed
    assert story.does(c.Resume()).trial(2).reserved
    assert not story.does(c.Resume()).changed


@pytest.mark.parametrize("command", [c.Pause(), c.Stop()])
def test_only_while_it_runs_is_there_room_for_suggestions(command: Command) -> None:
    story = Story().suggested(0).does(command)
    assert story.e.room == 0
    assert story.does(c.AddTrials(1, ({"x": 1},))).e.next_number == 1


def test_paused_it_may_still_end() -> None:
    story = Story(max_trials=1).suggested(0).does(c.Pause()).ends(0, 1.0)
    assert story.e.state == "COMPLETE"


def test_an_ended_experiment_cannot_be_paused() -> None:
    story = Story().does(c.Stop())
    with pytest.raises(Conflict):
        story.does(c.Pause())


def test_a_stopped_experiment_can_be_resumed() -> None:
    story = Story().suggested(0).does(c.Stop(), c.Resume())
    assert (story.e.state, story.e.reason, story.e.epoch) == ("RUNNING", None, 1)
    assert story.e.room == 2


def test_an_experiment_that_has_spent_its_budget_must_be_extended() -> None:
    story = Story(max_trials=1).suggested(0).ends(0, 1.0)
    with pytest.raises(Conflict, match="extend its budget"):
        story.does(c.Resume())
    story.does(c.Extend({"max_trials": 2}))
    assert (story.e.state, story.e.epoch, story.e.room) == ("RUNNING", 1, 1)
    assert not story.does(c.Extend({"max_trials": 2})).changed


def test_an_extension_that_is_not_enough_changes_the_budget_only() -> None:
    story = Story(objectives=goal(1.0)).suggested(0).ends(0, 1.0)
    story.does(c.Extend({"max_trials": 9}))
    assert (story.e.state, story.e.terms.max_trials) == ("COMPLETE", 9)


def test_a_stopped_experiment_is_extended_but_stays_stopped() -> None:
    story = Story().does(c.Stop(), c.Extend({"max_trials": 9}))
    assert (story.e.state, story.e.terms.max_trials) == ("STOPPED", 9)


def test_the_budget_may_shrink_to_the_existing_trials_but_no_further() -> None:
    story = Story().suggested(0, 1)
    with pytest.raises(Conflict, match="the experiment has 2 trials already"):
        story.does(c.Extend({"max_trials": 1}))
    story.does(c.Extend({"max_trials": 2})).ends(0, 1.0).ends(1, 1.0)
    assert story.e.state == "COMPLETE"


def test_with_fewer_slots_nothing_new_starts_until_enough_are_free() -> None:
    story = Story(enqueue=[{"x": n} for n in range(3)]).does(c.Start(0, 1), c.Start(1, 1))
    story.does(c.Extend({"parallel_trials": 1})).ends(0, 1.0)
    assert not story.trial(2).reserved
    assert story.ends(1, 1.0).trial(2).reserved


def test_a_lost_attempt_gives_its_slot_back() -> None:
    story = Story().suggested(0, 1).does(c.Extend({"parallel_trials": 1}), c.Finish(0, 1, LOST))
    assert story.e.active == 1
    assert not story.trial(0).reserved
    assert story.ends(1, 1.0).trial(0).reserved


def test_another_algorithm_begins_without_the_memory_of_the_first() -> None:
    story = Story(hpo_algorithm={"name": "grid_search", "settings": {}})
    story.does(c.AddTrials(0, ({"x": 1},), exhausted=True, memory={"seen": 1}))
    assert (story.e.exhausted, story.e.memory) == (True, {"seen": 1})
    story.does(c.Extend({"hpo_algorithm": {"name": "random_search", "settings": {}}}))
    assert (story.e.exhausted, story.e.memory) == (False, None)


def test_with_fewer_slots_than_trials_that_run_none_that_waits_gets_one() -> None:
    story = Story(max_trials=9, parallel_trials=3)
    story.does(c.Enqueue(tuple({"x": n} for n in range(9))))
    story.does(c.Extend({"parallel_trials": 1}))
    assert [trial.number for trial in story.e.live if trial.active] == [0, 1, 2]


def test_a_deleted_experiment_is_not_found() -> None:
    story = Story().suggested(0).does(c.Delete())
    for command in (c.Delete(), c.Tick(), c.Start(0, 1), c.Stop()):
        with pytest.raises(NotFound):
            story.does(command)
    assert story.does(c.Submit("w", SPEC)).e.uid == "w"
    assert (story.e.next_number, story.e.ended.fail) == (0, 0)


# Keys


def test_a_submit_is_repeated_with_its_key_and_refused_without() -> None:
    story = Story(key="k")
    assert not story.does(c.Submit("v", SPEC, "k")).changed
    assert story.e.uid == "u"
    for other in (c.Submit("v", SPEC), c.Submit("v", SPEC, "other")):
        with pytest.raises(Conflict, match="exists"):
            story.does(other)
    with pytest.raises(Conflict, match="Idempotency-Key"):
        story.does(c.Submit("v", SPEC | {"max_attempts": 7}, "k"))


def test_a_submit_is_repeated_though_its_budget_was_changed_since() -> None:
    story = Story(key="k").does(c.Extend({"max_trials": 9}))
    assert not story.does(c.Submit("v", SPEC, "k")).changed


def test_trials_are_enqueued_once_by_key_and_each_time_without() -> None:
    story = Story().does(c.Enqueue(({"x": 1},), "k"), c.Enqueue(({"x": 1},), "k"))
    assert story.e.keys["k"] == (0,)
    assert story.does(c.Enqueue(({"x": 1},)), c.Enqueue(({"x": 1},))).e.next_number == 3


def test_the_oldest_keys_are_forgotten() -> None:
    story = Story()
    for n in range(KEYS_KEPT + 2):
        story.does(c.Enqueue((), f"k{n}"))
    assert list(story.e.keys) == [f"k{n}" for n in range(2, KEYS_KEPT + 2)]
    assert list(story.e.requests) == list(story.e.keys)
    assert story.e.requests.keys() == story.e.keys.keys()


def test_a_key_of_another_request_is_refused() -> None:
    story = Story(key="k")
    with pytest.raises(Conflict, match="Idempotency-Key"):
        story.does(c.Enqueue(({"x": 1},), "k"))


def test_trials_that_do_not_fit_are_not_enqueued_in_part() -> None:
    story = Story().suggested(0)
    with pytest.raises(Conflict, match="no room for 4 trials: max_trials 4 leaves 3"):
        story.does(c.Enqueue(tuple({"x": n} for n in range(4))))
    assert story.e.next_number == 1


def test_nothing_is_enqueued_after_the_end() -> None:
    with pytest.raises(Conflict, match="extend it first"):
        Story().does(c.Stop(), c.Enqueue(({"x": 1},)))


def test_suggestions_of_an_algorithm_that_was_replaced_meanwhile_are_void() -> None:
    """Its memory would be foreign to its successor."""
    old, new = {"name": "a", "settings": {}}, {"name": "b", "settings": {}}
    story = Story(hpo_algorithm=old).does(c.Extend({"hpo_algorithm": new}))
    answer = c.AddTrials(0, ({"x": 1},), exhausted=True, memory="of a", asked=old)
    assert not story.does(answer).changed
    assert (story.e.memory, story.e.exhausted, story.e.next_number) == (None, False, 0)
    assert story.does(c.AddTrials(0, ({"x": 1},), asked=new)).changed


def test_suggestions_for_another_past_are_void() -> None:
    story = Story().suggested(0)
    assert not story.does(c.AddTrials(0, ({"x": 9},))).changed


# Reports and ends of trials


def test_a_report_is_recorded_once_with_its_first_value() -> None:
    story = Story().suggested(0)
    one = c.Record(0, 1, (Report(1, {"objective": 1.0}),))
    assert not story.does(one, one).changed
    story.does(c.Record(0, 1, (Report(1, {"objective": 2.0, "loss": 3.0}),)))
    assert story.trial(0).reports[0].values == {"objective": 1.0, "loss": 3.0}


def test_reports_stand_by_step_however_they_come() -> None:
    story = Story().suggested(0)
    for step in (3, 1, 2):
        story.does(c.Record(0, 1, (Report(step, {"objective": 1.0 * step}),)))
    assert [report.step for report in story.trial(0).reports] == [1, 2, 3]
    assert story.trial(0).values == {"objective": 3.0}


def test_a_step_that_is_twice_in_a_message_keeps_its_first_values() -> None:
    story = Story().suggested(0)
    twice = (Report(1, {"objective": 1.0}), Report(1, {"objective": 2.0, "loss": 3.0}))
    story.does(c.Record(0, 1, twice))
    assert story.trial(0).reports[0].values == {"objective": 1.0, "loss": 3.0}


@pytest.mark.parametrize(("at", "started"), [(None, 9.0), (5.0, 5.0), (1.0, 2.0), (99.0, 9.0)])
def test_a_start_that_is_recorded_later_has_the_time_at_which_it_happened(
    at: float | None, started: float
) -> None:
    """A launcher's clock may differ: the start is after the trial's creation, and not ahead."""
    story = Story()
    story.now = 2.0
    story.does(c.AddTrials(0, ({"x": 0},)))
    story.now = 9.0
    story.does(c.Start(0, 1, at))
    assert story.trial(0).started_at == started


def test_a_report_before_the_start_is_a_start() -> None:
    story = Story().does(c.AddTrials(0, ({"x": 0},)))
    story.does(c.Record(0, 1, (Report(1, {"objective": 1.0}),)))
    assert story.trial(0).state is TrialState.RUNNING


def test_messages_after_the_end_change_nothing() -> None:
    story = Story().suggested(0).ends(0, 1.0)
    late = c.Record(0, 1, (Report(1, {"objective": 9.0}),))
    assert not story.does(late).changed
    assert not story.ends(0).changed
    assert not story.does(c.Start(0, 1)).changed
    assert story.e.ended.complete == 1


def test_late_messages_of_an_earlier_attempt_change_nothing() -> None:
    story = Story().suggested(0).does(c.Finish(0, 1, LOST), c.Start(0, 2))
    assert not story.does(c.Record(0, 1, (Report(1, {"objective": 9.0}),))).changed
    assert not story.ends(0, 1.0).changed
    assert story.trial(0).state is TrialState.RUNNING


def test_an_attempt_or_trial_that_never_was_is_refused() -> None:
    story = Story().suggested(0)
    with pytest.raises(Conflict, match="it is at attempt 1"):
        story.does(c.Start(0, 2))
    with pytest.raises(NotFound):
        story.does(c.Start(1, 1))


def test_a_later_attempt_replaces_the_steps_it_trains_again() -> None:
    story = Story().suggested(0)
    story.does(c.Record(0, 1, tuple(Report(s, {"objective": 1.0 * s}) for s in (1, 2))))
    story.does(c.Finish(0, 1, LOST))
    story.does(c.Record(0, 2, (Report(2, {"objective": 7.0}, 2), Report(3, {"objective": 3.0}, 2))))
    reports = story.trial(0).reports
    assert [(r.step, r.attempt) for r in reports] == [(1, 1), (2, 2), (3, 2)]
    assert reports[1].values == {"objective": 7.0}


def test_a_trial_is_lost_as_often_as_allowed_and_then_fails() -> None:
    story = Story(max_failed_trials=0).suggested(0)
    for attempt in (1, 2):
        story.does(c.Finish(0, attempt, LOST))
        trial = story.trial(0)
        assert (trial.attempt, trial.state, trial.reserved) == (
            attempt + 1,
            TrialState.WAITING,
            True,
        )
    assert story.e.state == "RUNNING"
    story.does(c.Finish(0, 3, LOST))
    assert story.trial(0).reason == "lost 3 times, the last time: node gone"
    assert story.e.state == "FAILED"


@pytest.mark.parametrize(("outcome", "itself"), [(FAIL, True), (LOST, False)])
def test_only_the_trainings_own_failures_count_against_its_hyperparameters(
    outcome: Outcome, itself: bool
) -> None:
    story = Story(max_attempts=1).suggested(0).does(c.Finish(0, 1, outcome))
    trial = story.trial(0)
    assert (trial.state, trial.failed_itself) == (TrialState.FAIL, itself)


def test_a_trial_that_an_older_log_calls_lost_in_words_is_lost() -> None:
    story = Story().suggested(0, 1)
    for number, reason in enumerate(("lost 3 times, the last time: node gone", "exit code 1")):
        ended = TrialEnded(number, 1, TrialState.FAIL, at=100.0, reason=reason)
        story.state = evolve_all(story.e, [ended])
    ended = [story.trial(number).failed_itself for number in (0, 1)]
    assert ended == [False, True]


UNREAD = Outcome(Verdict.COMPLETE, reason="its output is gone", unread=True)


def test_a_successful_run_without_its_values_is_lost() -> None:
    story = Story().suggested(0).does(c.Finish(0, 1, UNREAD))
    trial = story.trial(0)
    assert (trial.state, trial.attempt, trial.reason) == (
        TrialState.WAITING,
        2,
        "its output is gone",
    )


def test_a_lost_attempt_goes_to_the_end_of_no_queue() -> None:
    """Lowest number first, so that an old trial does not starve."""
    story = Story(enqueue=[{"x": n} for n in range(3)]).does(c.Start(0, 1), c.Start(1, 1))
    story.does(c.Finish(0, 1, LOST))
    assert [story.trial(n).reserved for n in range(3)] == [True, True, False]


def test_a_failure_keeps_its_reason_exit_code_and_output() -> None:
    trial = Story().suggested(0).ends(0).trial(0)
    assert (trial.exit_code, trial.reason, trial.log_tail) == (1, "exit code 1", "boom")


def test_a_pruned_trial_is_neither_complete_nor_failed() -> None:
    story = Story(max_failed_trials=0).suggested(0)
    story.does(c.Finish(0, 1, Outcome(Verdict.PRUNED)))
    assert (story.e.state, story.e.ended.pruned, story.e.best) == ("RUNNING", 1, ())


def test_an_end_without_the_objective_is_a_failure_with_the_reason() -> None:
    trial = Story().suggested(0).does(c.Finish(0, 1, Outcome(Verdict.COMPLETE))).trial(0)
    assert trial.state is TrialState.FAIL
    assert trial.reason == "it ended without a value of the metric 'objective'"


def test_the_last_report_is_the_objective_where_the_end_has_none() -> None:
    story = Story().suggested(0)
    news = (Report(1, {"objective": 2.0}), Report(2, {"objective": 1.5}))
    story.does(c.Finish(0, 1, Outcome(Verdict.COMPLETE), news))
    assert (story.trial(0).state, story.trial(0).values) == (
        TrialState.COMPLETE,
        {"objective": 1.5},
    )


@pytest.mark.parametrize("value", ["NaN", math.nan])
def test_an_objective_of_nan_is_a_failure(value: Number) -> None:
    story = Story().suggested(0).does(c.Finish(0, 1, complete(value)))
    assert story.trial(0).state is TrialState.FAIL
    assert story.trial(0).reason == "the metric 'objective' is NaN"
    assert story.e.best == ()


def test_an_infinite_objective_is_bad_but_a_value() -> None:
    story = Story().suggested(0, 1).does(c.Finish(0, 1, complete("Infinity"))).ends(1, 5.0)
    assert [trial.number for trial in story.e.best] == [1]
    assert story.e.ended.complete == 2


# The best


def test_the_first_of_equal_trials_to_end_stays_the_best() -> None:
    story = Story().suggested(0, 1).ends(1, 1.0).ends(0, 1.0)
    assert [trial.number for trial in story.e.best] == [1]


def test_with_several_objectives_the_best_are_those_that_none_dominates() -> None:
    terms = [
        {"metric": "objective", "direction": "minimize", "goal": None},
        {"metric": "accuracy", "direction": "maximize", "goal": None},
    ]
    story = Story(objectives=terms, max_trials=9, parallel_trials=9).suggested(*range(5))
    for n, (loss, accuracy) in enumerate([(3, 3), (1, 1), (2, 2), (2, 4), (1, 1)]):
        story.does(c.Finish(n, 1, complete(loss, accuracy=accuracy)))
    assert {trial.number for trial in story.e.best} == {1, 3}


def test_several_goals_must_be_reached_by_one_trial() -> None:
    terms = [
        {"metric": "objective", "direction": "minimize", "goal": 1.0},
        {"metric": "accuracy", "direction": "maximize", "goal": 0.9},
    ]
    story = Story(objectives=terms).suggested(0, 1)
    story.does(c.Finish(0, 1, complete(0.5, accuracy=0.1)))
    assert story.e.state == "RUNNING"
    story.does(c.Finish(1, 1, complete(1.0, accuracy=0.9)))
    assert story.e.reason == "the goal is reached"
