"""A search that cannot work ends early: trials fail alike before any has completed."""

from typing import Any

import pytest

from tests.unit.tunelet.core.test_decide import LOST, Story, complete
from tunelet.core import commands as c
from tunelet.core.trial import Outcome, Report, TrialState, Verdict

NOT_FOUND = Outcome(
    Verdict.FAIL,
    reason="the training exited with 127",
    exit_code=127,
    log_tail="train.sh: line 3: pyton: command not found",
)


def crash(message: str, code: int = 1) -> Outcome:
    tail = f'Traceback\n  File "train.py", line 7\n{message}'
    reason = f"the training exited with {code}"
    return Outcome(Verdict.FAIL, reason=reason, exit_code=code, log_tail=tail)


def story(**spec: Any) -> Story:
    return Story(**{"give_up_after": 3, "max_trials": 60, "parallel_trials": 3} | spec)


def one_by_one(told: Story, *outcomes: Outcome) -> Story:
    """Each trial begins when the one before it has ended, unless the experiment has."""
    for outcome in outcomes:
        if not told.e.room:
            break
        n = told.e.next_number
        told.suggested(n).does(c.Finish(n, 1, outcome))
    return told


def test_three_that_fail_alike_end_it_with_reason_and_remedy() -> None:
    told = one_by_one(story(), *[NOT_FOUND] * 60)
    assert told.end == (
        "FAILED",
        "the first 3 trials failed alike: the training exited with 127: "
        "train.sh: line 3: pyton: command not found "
        "(give_up_after is 3: correct the cause and resume; 0 never gives up)",
    )
    assert told.e.next_number == 3


def test_a_long_reason_ends_before_the_part_that_does_not_fit() -> None:
    said = f"{'no line has loss ' * 10}; nearest line: 'los 0.3'; the metric {'a+ ' * 60}"
    told = one_by_one(story(), *[crash(said)] * 3)
    assert "nearest line: 'los 0.3'; … (give_up_after is 3" in str(told.e.reason)


@pytest.mark.parametrize("limit", [None, 0])
def test_it_may_be_switched_off(limit: int | None) -> None:
    assert one_by_one(story(give_up_after=limit), *[NOT_FOUND] * 59).e.state == "RUNNING"


def test_an_experiment_of_an_older_version_does_not_give_up() -> None:
    told = Story(max_trials=60, parallel_trials=3)
    assert "give_up_after" not in told.e.spec
    assert one_by_one(told, *[NOT_FOUND] * 59).e.state == "RUNNING"


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_another_number_may_be_asked_for(limit: int) -> None:
    told = one_by_one(story(give_up_after=limit), *[NOT_FOUND] * 60)
    assert (told.e.state, told.e.next_number) == ("FAILED", limit)


def test_once_a_trial_has_completed_it_never_gives_up() -> None:
    assert one_by_one(story(), complete(1.0), *[NOT_FOUND] * 58).e.state == "RUNNING"


def test_a_trial_that_was_pruned_shows_that_the_training_works() -> None:
    pruned = Outcome(Verdict.PRUNED)
    assert one_by_one(story(), pruned, *[NOT_FOUND] * 58).e.state == "RUNNING"


# Alike


@pytest.mark.parametrize(
    "messages",
    [
        ["ValueError: expected 10 columns, got 7", "ValueError: expected 10 columns, got 71"],
        ["OSError: /data/0/x.csv is missing", "OSError: /data/11/y.csv is missing"],
        ["2027-01-15 08:00:00,250 ERROR no data", "2027-01-15 09:30:01,001 ERROR no data"],
        ["<Model at 0x7f258c1af110> has no layers", "<Model at 0x7f258c1bb0d0> has no layers"],
    ],
    ids=["number", "path", "time", "address"],
)
def test_differences_between_trials_do_not_make_failures_unlike(messages: list[str]) -> None:
    first, second = map(crash, messages)
    assert one_by_one(story(), first, second, first).e.state == "FAILED"


def test_values_of_hyperparameters_do_not_make_failures_unlike() -> None:
    told = story(max_trials=9)
    for n, name in enumerate(["adam", "sgd", "rmsprop"]):
        failure = crash(f"ValueError: {name} is not known")
        told.does(c.AddTrials(n, ({"optimizer": name},)), c.Start(n, 1), c.Finish(n, 1, failure))
    assert told.e.state == "FAILED"


@pytest.mark.parametrize(
    "other",
    [crash("KeyError: 'label'"), crash("", 2), Outcome(Verdict.FAIL, reason="it took too long")],
    ids=["message", "code", "reason"],
)
def test_different_failures_are_not_alike(other: Outcome) -> None:
    told = one_by_one(story(), *[crash(""), other] * 10)
    assert told.e.state == "RUNNING"


def test_three_in_a_row_after_another_failure_are_enough() -> None:
    told = one_by_one(story(), crash("OSError: the network is down"), *[NOT_FOUND] * 10)
    assert (told.e.state, told.e.next_number) == ("FAILED", 4)
    assert str(told.e.reason).startswith("3 trials in a row failed alike: ")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Verdict.FAIL, reason="image 'tarin' has no alias here"),
        Outcome(Verdict.FAIL, reason="the training ran longer than 5 s (trial_timeout_seconds)"),
        Outcome(Verdict.COMPLETE, reason="it gave no value of 'objective'", exit_code=0),
        complete("NaN"),
        crash("ModuleNotFoundError: No module named 'torch'"),
    ],
    ids=["refused at launch", "too slow", "no objective", "NaN", "crash"],
)
def test_it_gives_up_whatever_the_failure_is(outcome: Outcome) -> None:
    assert one_by_one(story(), *[outcome] * 60).e.next_number == 3


def test_trials_that_are_lost_as_often_as_allowed_count_too() -> None:
    told = story(max_attempts=2)
    for n in range(3):
        told.suggested(n).does(c.Finish(n, 1, LOST), c.Start(n, 2), c.Finish(n, 2, LOST))
    assert told.e.reason is not None
    assert told.e.reason.startswith("the first 3 trials failed alike: lost 2 times, the last time")


# Verdicts on hyperparameters


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Verdict.FAIL, reason="bad hyperparameters", exit_code=3),
        Outcome(Verdict.FAIL, reason="the training was killed by SIGKILL", exit_code=137),
        Outcome(Verdict.FAIL, reason="the training ran out of memory: its limit is 4Gi"),
        crash("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"),
        crash("MemoryError"),
    ],
    ids=["bad exit code", "killed", "limit", "CUDA", "Python"],
)
def test_a_verdict_on_the_hyperparameters_does_not_count(outcome: Outcome) -> None:
    code = {"image": "train", "bad_exit_codes": [3]}
    told = one_by_one(story(model_training_code=code), *[outcome] * 59)
    assert told.e.state == "RUNNING"


BOOM = crash("boom")


def of_kinds(told: Story, *kinds: str, outcome: Outcome = BOOM) -> Story:
    """Trials, one at a time, with different x and the given `kind`."""
    for kind in kinds:
        if not told.e.room:
            break
        n = told.e.next_number
        told.does(c.AddTrials(n, ({"x": n, "kind": kind},)), c.Start(n, 1))
        told.does(c.Finish(n, 1, outcome))
    return told


def test_a_value_that_all_share_may_be_the_cause_so_twice_as_many_have_to_fail() -> None:
    assert of_kinds(story(), *"aaaaa").e.state == "RUNNING"
    assert of_kinds(story(), *"aaaaaaaaa").e.next_number == 6


def test_as_soon_as_one_has_another_value_it_gives_up() -> None:
    assert of_kinds(story(), *"aaab").end[0] == "FAILED"
    assert of_kinds(story(), *"aabaaa").e.next_number == 3


def test_a_shared_value_is_not_a_cause_if_the_training_could_not_start() -> None:
    assert of_kinds(story(), *"aaaaaa", outcome=NOT_FOUND).e.next_number == 3


@pytest.mark.parametrize(
    "form", [{"type": "categorical", "choices": ["a"]}, {"type": "float", "min": 1.0, "max": 1.0}]
)
def test_a_hyperparameter_with_one_value_is_not_a_cause(form: dict[str, Any]) -> None:
    told = story(hyperparameters={"x": {"type": "int", "min": 0, "max": 9}, "kind": form})
    assert of_kinds(told, *"aaaaaa").e.next_number == 3


# Trials at a time


def test_it_waits_for_those_that_run_and_begins_no_other() -> None:
    """Failures come early and results late: the others may well do better."""
    told = story(parallel_trials=10).suggested(*range(10))
    for n in range(3):
        told.does(c.Finish(n, 1, NOT_FOUND))
    assert (told.e.state, told.e.room) == ("RUNNING", 0)


def test_if_one_of_those_completes_it_continues() -> None:
    told = story(parallel_trials=4).suggested(*range(4))
    for n in range(3):
        told.does(c.Finish(n, 1, NOT_FOUND))
    assert told.ends(3, 1.0).e.room == 4


def test_if_all_of_those_fail_too_it_ends() -> None:
    told = story(parallel_trials=5).suggested(*range(5))
    for n in range(5):
        told.does(c.Finish(n, 1, NOT_FOUND))
    assert told.e.state == "FAILED"
    assert str(told.e.reason).startswith("the first 5 trials failed alike: ")


def test_trials_that_wait_get_no_slot_and_are_stopped() -> None:
    told = story(enqueue=[{"x": n} for n in range(9)])
    for n in range(3):
        told.does(c.Start(n, 1))
    for n in range(2):
        told.does(c.Finish(n, 1, NOT_FOUND))
    assert [trial.number for trial in told.e.live if trial.active] == [2, 3, 4]
    told.does(c.Finish(2, 1, NOT_FOUND))
    assert told.e.state == "FAILED"
    assert [told.trial(n).state for n in range(3, 9)] == [TrialState.STOPPED] * 6


def test_a_trial_with_a_lost_attempt_keeps_its_slot_and_is_waited_for() -> None:
    told = story().suggested(0, 1, 2).does(c.Finish(0, 1, LOST))
    told.does(c.Finish(1, 1, NOT_FOUND), c.Finish(2, 1, NOT_FOUND), c.Start(0, 2))
    told.suggested(3).does(c.Finish(3, 1, NOT_FOUND))
    assert told.e.state == "RUNNING"
    assert told.does(c.Finish(0, 2, complete(1.0))).e.ended.complete == 1
    assert told.e.state == "RUNNING"


def test_paused_it_gives_up_too() -> None:
    told = story().suggested(0, 1, 2).does(c.Pause())
    for n in range(3):
        told.does(c.Finish(n, 1, NOT_FOUND))
    assert told.e.state == "FAILED"


# Taken up again


def test_a_resumed_experiment_counts_from_zero() -> None:
    told = one_by_one(story(), *[NOT_FOUND] * 60).does(c.Resume())
    assert told.e.state == "RUNNING"
    assert one_by_one(told, *[NOT_FOUND] * 60).e.next_number == 6


@pytest.mark.parametrize("limit", [None, 0, 5])
def test_extended_by_another_limit_it_continues(limit: int | None) -> None:
    told = one_by_one(story(), *[NOT_FOUND] * 60).does(c.Extend({"give_up_after": limit}))
    assert told.e.state == "RUNNING"
    one_by_one(told, *[NOT_FOUND] * 20)
    assert told.e.next_number == (8 if limit else 23)


def test_a_limit_that_is_set_later_counts_from_then_on() -> None:
    told = one_by_one(story(give_up_after=None), *[NOT_FOUND] * 10)
    told.does(c.Extend({"give_up_after": 3}))
    assert told.e.state == "RUNNING"
    assert one_by_one(told, *[NOT_FOUND] * 10).e.next_number == 13


def test_max_failed_trials_comes_first() -> None:
    told = one_by_one(story(max_failed_trials=2), *[NOT_FOUND] * 60)
    assert told.e.reason == "3 trials failed (max_failed_trials is 2)"


def test_it_is_the_reason_before_the_last_trial_has_ended() -> None:
    told = one_by_one(story(max_trials=3), *[NOT_FOUND] * 3)
    assert str(told.e.reason).startswith("the first 3 trials failed alike: ")


def test_reports_of_failing_trials_do_not_keep_it_from_giving_up() -> None:
    told = story()
    for n in range(3):
        told.suggested(n).does(c.Record(n, 1, (Report(1, {"objective": 1.0}),)))
        told.does(c.Finish(n, 1, crash("OSError: cannot save the model")))
    assert told.e.state == "FAILED"


def test_a_trial_that_waits_gets_no_slot_while_the_last_that_run_are_waited_for() -> None:
    told = story(give_up_after=2)
    told.does(c.Enqueue(tuple({"x": n} for n in range(6))))
    for n in range(3):
        told.does(c.Start(n, 1))
    told.does(c.Finish(0, 1, NOT_FOUND), c.Finish(1, 1, NOT_FOUND))
    assert told.e.hopeless
    assert told.e.state == "RUNNING"
    assert [told.trial(n).reserved for n in (3, 4, 5)] == [True, False, False]


def test_long_words_without_a_digit_take_no_longer_than_others() -> None:
    # Comparing took hours where it tried each letter as the beginning of a word with a digit.
    told = one_by_one(story(), *[crash("y" * 1_000_000)] * 60)
    assert told.end is not None
    assert told.e.next_number == 3


def test_one_that_fails_suffices_if_so_few_are_allowed() -> None:
    told = one_by_one(story(give_up_after=1), *[NOT_FOUND] * 2)
    assert str(told.e.reason).startswith("the first trial failed: the training exited with 127")
