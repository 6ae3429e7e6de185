"""What the command line writes about an error."""

import pytest

from tunelet.cli.faults import code, show
from tunelet.errors import EXTEND_FIRST, NO_EXPERIMENT, Conflict, FieldError, NotFound, Reject


def test_no_problem_of_a_request_is_shown_twice(capsys: pytest.CaptureFixture[str]) -> None:
    errors = [
        FieldError("max_trials", 0, "must be at least 1", "use at least 1"),
        FieldError("seed", "a", "must be an integer", "write an integer, such as 1"),
    ]
    show(Reject("the request has 2 problems; max_trials: must be at least 1", errors))
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "error: the request has 2 problems"
    assert sum("must be at least 1" in line for line in shown) == 1
    assert sum("must be an integer" in line for line in shown) == 1


def test_a_folder_of_another_user_is_named_with_a_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault = PermissionError(13, "Permission denied", "/data/store")
    show(fault)
    assert code(fault) == 2
    assert capsys.readouterr().err == (
        "error: /data/store may not be read or written: Permission denied\n"
        "  -> become the owner of its folder, or name another with --data or --store\n"
    )


def test_an_absent_experiment_leads_to_the_list_and_other_absent_things_do_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(NotFound(f"default/digits: {NO_EXPERIMENT}"))
    assert "tunelet list" in capsys.readouterr().err
    show(NotFound("experiment 'a' has no trial 7"))
    assert "tunelet list" not in capsys.readouterr().err


def test_an_ended_experiment_that_takes_trials_again_leads_to_a_larger_budget(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(Conflict(f"experiment 'a' has ended (all 1 trials have ended); {EXTEND_FIRST}"))
    assert "  -> give it a larger budget" in capsys.readouterr().err
    show(Conflict("experiment 'a' has ended (stopped)"))
    assert "->" not in capsys.readouterr().err
